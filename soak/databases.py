"""Reading the databases of a run with SQL of our own: nothing of the product stands in between."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg


class DatabaseIsAway(Exception):
    """It cannot be asked right now."""


@dataclass(frozen=True, kw_only=True)
class Databases:
    """URLs. ``broker`` is None where the broker is no database."""

    main: str
    monitoring: str
    broker: str | None

    def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        return _rows(self.main, query, values)

    def number(self, query: str, **values: object) -> int:
        return int(self.rows(query, **values)[0][0])

    def monitoring_rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        return _rows(self.monitoring, query, values)

    def broker_number(self, query: str, **values: object) -> int:
        assert self.broker is not None
        return int(_rows(self.broker, query, values)[0][0])

    @cached_property
    def now(self) -> str:
        """The database's own time, as SQL, comparable with its timestamps."""
        if self.main.startswith("sqlite"):
            return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
        return "clock_timestamp()"


def _rows(url: str, query: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
    """``:name`` stands for a value."""
    try:
        if url.startswith("sqlite:///"):
            path = url.removeprefix("sqlite:///")
            lite = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
            try:
                return lite.execute(query, values).fetchall()
            finally:
                lite.close()
        for name in values:
            query = query.replace(f":{name}", f"%({name})s")
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            return connection.execute(query.encode(), values or None).fetchall()
    except (psycopg.OperationalError, sqlite3.OperationalError) as error:
        raise DatabaseIsAway(str(error)) from error
