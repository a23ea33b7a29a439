"""What the databases of a site hold: to be compared, and to be gone back to."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

# These change by looking: they say who came, not what is. Spans are kept a moment later.
_PASSING = ("runtime_rate_limit", "runtime_session", "sqlite_", "monitoring_span", "monitoring_tr")

Content = Mapping[str, Sequence[tuple[object, ...]]]


class Snapshot(Protocol):
    def changed(self) -> list[str]:
        """Tables that hold something else than they did."""

    def restore(self) -> None: ...


class SqliteSnapshot:
    def __init__(self, data: Path) -> None:
        self._files = [data / "thicket.db", data / "monitoring.db"]
        self._copies = [sqlite3.connect(":memory:") for _ in self._files]
        for file, copy in zip(self._files, self._copies, strict=True):
            with closing(sqlite3.connect(file)) as present:
                present.backup(copy)
        self._content = self._read()

    def changed(self) -> list[str]:
        return _differing(self._content, self._read())

    def restore(self) -> None:
        for file, copy in zip(self._files, self._copies, strict=True):
            with closing(sqlite3.connect(file, timeout=10)) as present:
                copy.backup(present)

    def close(self) -> None:
        for copy in self._copies:
            copy.close()

    def _read(self) -> Content:
        found = {}
        for file in self._files:
            with closing(sqlite3.connect(file)) as present:
                names = present.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%fts%'"
                ).fetchall()
                for (table,) in names:
                    if not table.startswith(_PASSING):
                        rows = present.execute(f'SELECT * FROM "{table}" ORDER BY rowid')
                        found[f"{file.name}/{table}"] = rows.fetchall()
        return found


class PostgresqlSnapshot:
    """Everything of the site lies in one database."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        names = self._connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        self._tables = [sql.Identifier(name) for (name,) in names]
        self._connection.execute("CREATE SCHEMA kept")
        for table in self._tables:
            self._connection.execute(
                sql.SQL("CREATE TABLE kept.{} AS TABLE public.{}").format(table, table)
            )
        self._content = self._read()

    def changed(self) -> list[str]:
        return _differing(self._content, self._read())

    def restore(self) -> None:
        with self._connection.transaction():
            # Foreign keys wait.
            self._connection.execute("SET LOCAL session_replication_role = replica")
            for table in self._tables:
                self._connection.execute(sql.SQL("DELETE FROM public.{}").format(table))
                self._connection.execute(
                    sql.SQL(
                        "INSERT INTO public.{} OVERRIDING SYSTEM VALUE SELECT * FROM kept.{}"
                    ).format(table, table)
                )

    def close(self) -> None:
        self._connection.execute("DROP SCHEMA kept CASCADE")
        self._connection.close()

    def _read(self) -> Content:
        return {
            table.as_string(): self._connection.execute(
                sql.SQL("SELECT one::text FROM public.{} one ORDER BY 1").format(table)
            ).fetchall()
            for table in self._tables
            if not table.as_string().strip('"').startswith(_PASSING)
        }


@contextmanager
def sqlite_snapshot(data: Path) -> Iterator[Snapshot]:
    taken = SqliteSnapshot(data)
    try:
        yield taken
    finally:
        taken.restore()
        taken.close()


@contextmanager
def postgresql_snapshot(url: str) -> Iterator[Snapshot]:
    taken = PostgresqlSnapshot(url)
    try:
        yield taken
    finally:
        taken.restore()
        taken.close()


def _differing(before: Content, now: Content) -> list[str]:
    return sorted(name for name in now if now[name] != before[name])
