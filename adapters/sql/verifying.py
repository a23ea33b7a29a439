"""What a database must be like before anything is written to it.

Checked at start, all at once: each of these, left wrong, loses or hides data without an error.
"""

import sqlite3
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from adapters.sql.engines import POSTGRESQL
from adapters.sql.failures import failure_of
from adapters.sql.migrating import RUNTIME, head_of, revision_of
from ports.errors import Fault

_OLDEST_POSTGRESQL = 130000
_OLDEST_SQLITE = (3, 38, 0)


def verify(engine: sa.Engine) -> Sequence[Fault]:
    """Raises:
    StoreUnavailable: the database does not answer.
    """
    where = engine.url.render_as_string(hide_password=True)
    found = _on_postgresql if engine.dialect.name == POSTGRESQL else _on_sqlite
    try:
        with engine.connect() as connection:
            return [
                Fault(where=where, problem=problem, remedy=remedy)
                for problem, remedy in found(connection)
            ]
    except sa.exc.DBAPIError as error:
        raise failure_of(error) from error


def _at_head(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    revision, head = revision_of(RUNTIME, connection), head_of(RUNTIME)
    if revision != head:
        yield (
            f"the runtime's tables are at revision {revision or 'none'}, this release needs {head}",
            "Run ./thicket migrate",
        )


def _on_postgresql(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    def ask(query: str) -> object:
        return connection.exec_driver_sql(query).scalar()

    version = int(str(ask("SHOW server_version_num")))
    if version < _OLDEST_POSTGRESQL:
        yield (f"PostgreSQL {version // 10000} is too old", "Use 13 or newer")
    if ask("SELECT pg_is_in_recovery()"):
        yield ("this server is a standby", "Use the address of the primary")
    if ask("SHOW server_encoding") != "UTF8":
        yield ("the database is not encoded in UTF8", "Create it with ENCODING 'UTF8'")
    unfit = list(_at_head(connection))
    yield from unfit
    if unfit:
        return
    drawn, cache, step = connection.exec_driver_sql(
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END, seqcache, seqincrement "
        "FROM runtime_event_position_seq, pg_sequence "
        "WHERE seqrelid = 'runtime_event_position_seq'::regclass"
    ).one()
    if (cache, step) != (1, 1):
        yield (
            f"the event log's sequence has CACHE {cache} and INCREMENT {step}, so readers would "
            "skip events",
            "Run ALTER SEQUENCE runtime_event_position_seq CACHE 1 INCREMENT 1 and restart all",
        )
    last = connection.exec_driver_sql(
        "SELECT greatest((SELECT max(position) FROM runtime_event), "
        "(SELECT max(position) FROM runtime_position), 0)"
    ).scalar_one()
    if last > drawn:
        yield (
            f"the event log holds position {last}, but its sequence stands at {drawn}; was it "
            "restored?",
            "Run ./thicket prepare before anything writes",
        )


def _on_sqlite(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        yield (f"SQLite {sqlite3.sqlite_version} is too old", "Use 3.38 or newer")
    for pragma, needed, consequence in (
        ("journal_mode", "wal", "readers would wait for writers; is the file on a network disk?"),
        ("synchronous", 2, "a power cut could undo what was accepted"),
        ("foreign_keys", 1, "references would not be checked"),
    ):
        found = connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
        if found != needed:
            yield (
                f"PRAGMA {pragma} is {found} and not {needed}: {consequence}",
                "Put the file on a local disk that this process may write",
            )
    yield from _at_head(connection)
