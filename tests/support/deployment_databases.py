"""A deployment's database for tests of accounts and what lies beside them."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from adapters.sql.account_tables import account, account_token, audit, rate_limit, session
from adapters.sql.engines import Limits, open_engine, store_url
from adapters.sql.migrating import RUNTIME, migrate

_TABLES = (account_token, session, account, audit, rate_limit)


@contextmanager
def migrated_engine(url: str) -> Iterator[sa.Engine]:
    """An engine on a database with the runtime's tables."""
    migrate(RUNTIME, url)
    engine = open_engine(store_url(url), Limits())
    try:
        yield engine
    finally:
        engine.dispose()


def empty(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        for table in _TABLES:
            connection.execute(sa.delete(table))
