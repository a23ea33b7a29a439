"""A database with the tables of one context, for tests of what a context does with SQL."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from adapters.sql.connections import Write
from adapters.sql.engines import Limits, open_engine, store_url
from adapters.sql.migrating import migrate


class OneConnection:
    """Stands in for a unit of work: every statement goes over the one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> str:
        return self._connection.dialect.name

    def current(self) -> sa.Connection:
        return self._connection

    def write(self, statement: Write, row: Mapping[str, Any]) -> None:
        self._connection.execute(statement, row)


@contextmanager
def migrated_engine(branch: str, url: str) -> Iterator[sa.Engine]:
    migrate(branch, url)
    engine = open_engine(store_url(url), Limits())
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def transaction(engine: sa.Engine, *, commit: bool = False) -> Iterator[OneConnection]:
    """Undone at the end unless ``commit``."""
    with engine.connect() as connection:
        writing = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "BEGIN"
        connection.exec_driver_sql(writing)
        done = False
        try:
            yield OneConnection(connection)
            done = commit
        finally:
            connection.exec_driver_sql("COMMIT" if done else "ROLLBACK")
