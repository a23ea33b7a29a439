"""A database with the tables of spans and caught mails, on every kind of server."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from adapters.sql.engines import Limits, open_engine, store_url
from adapters.sql.migrating import migrate
from adapters.sql.monitoring_tables import metadata


@contextmanager
def monitoring_engine(url: str) -> Iterator[sa.Engine]:
    """Migrated, and empty."""
    migrate("monitoring", url)
    engine = open_engine(store_url(url), Limits())
    try:
        with engine.connect() as connection:
            for table in metadata.sorted_tables:
                connection.execute(sa.delete(table))
        yield engine
    finally:
        engine.dispose()
