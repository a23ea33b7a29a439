"""One SQLAlchemy engine per database and process: pool, driver settings, nothing opened early."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool, QueuePool

POSTGRESQL = "postgresql"
SQLITE = "sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what one process takes of a database, and how long it waits for it."""

    connections: int = 10  # kept open in the pool
    overflow: int = 10  # opened beyond them under load and closed afterwards
    checkout_timeout_s: float = 10.0  # for a free connection
    connect_timeout_s: int = 5
    statement_timeout_s: float = 30.0
    lock_timeout_s: float = 10.0  # PostgreSQL: for a row or table lock
    busy_timeout_s: float = 30.0  # SQLite: for the one writer


def store_url(url: str) -> URL:
    """The URL with the driver that we use.

    Raises:
        ValueError: neither PostgreSQL nor a SQLite file.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend == SQLITE:
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("a SQLite store needs a file: sqlite:////path/to/thicket.db")
        return parsed.set(drivername="sqlite+pysqlite")
    raise ValueError(f"{backend!r} is no database of ours: use postgresql:// or sqlite:///")


def open_engine(url: URL, limits: Limits, *, pooled: bool = True) -> sa.Engine:
    """An engine whose driver connections are in autocommit mode: whoever wants a transaction sends
    BEGIN. It connects when first used."""
    pool: dict[str, Any] = {"poolclass": NullPool}
    if pooled:
        pool = {
            "poolclass": QueuePool,
            "pool_size": limits.connections,
            "max_overflow": limits.overflow,
            "pool_timeout": limits.checkout_timeout_s,
            "pool_use_lifo": True,  # idle connections beyond the load stay idle
            # Whoever gives a connection back has ended its transaction or throws it away.
            "pool_reset_on_return": None,
        }
    if url.get_backend_name() == SQLITE:
        return _sqlite_engine(url, limits, pool)
    return _postgresql_engine(url, limits, pool)


def _postgresql_engine(url: URL, limits: Limits, pool: dict[str, Any]) -> sa.Engine:
    engine = sa.create_engine(
        url,
        connect_args={
            "connect_timeout": limits.connect_timeout_s,
            "autocommit": True,
            # A peer that vanished without a word is noticed within half a minute.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
            "application_name": "thicket",
        },
        isolation_level="AUTOCOMMIT",
        **pool,
    )
    # SET and not startup options: poolers refuse those that they do not know.
    settings = (
        f"SET statement_timeout = {int(limits.statement_timeout_s * 1000)};"
        f"SET lock_timeout = {int(limits.lock_timeout_s * 1000)};"
        "SET idle_in_transaction_session_timeout = 300000;"
        "SET default_transaction_isolation = 'read committed';"
        "SET timezone = 'UTC'"
    )
    sa.event.listen(engine, "connect", _runs(settings))
    return engine


def _sqlite_engine(url: URL, limits: Limits, pool: dict[str, Any]) -> sa.Engine:
    path = Path(url.database or "")
    engine = sa.create_engine(
        url,
        connect_args={
            "timeout": limits.busy_timeout_s,
            "check_same_thread": False,
            "isolation_level": None,
            "cached_statements": 256,
        },
        **pool,
    )

    def private_file(*_: Any) -> None:
        # The file holds personal data: SQLite gives its journal the same mode.
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))

    sa.event.listen(engine, "do_connect", private_file)
    for pragma in (
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
    ):
        sa.event.listen(engine, "connect", _runs(pragma))
    return engine


def _runs(statement: str) -> Callable[[Any, Any], None]:
    def run(driver_connection: Any, _record: Any) -> None:
        cursor = driver_connection.cursor()
        try:
            cursor.execute(statement)
        finally:
            cursor.close()

    return run
