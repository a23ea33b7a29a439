"""The broker in an SQLite file of its own, made when it is missing."""

import os
import random
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from adapters.sql_broker import tables
from adapters.sql_broker.addresses import broker_address
from adapters.sql_broker.errors import BrokerConnectionLost
from adapters.sql_broker.messages import Row
from adapters.sql_broker.options import BrokerOptions, milliseconds
from adapters.sql_broker.sessions import DriverConnection, Durability, Engines, Session
from adapters.sql_broker.statements import SQLITE
from adapters.sql_broker.store import Lease, Store, Stored

_SYNCHRONOUS = {Durability.FLUSHED: "FULL", Durability.RELAXED: "NORMAL"}
_FIRST_PAUSE_S = 0.0002
_LONGEST_PAUSE_S = 0.005
_FREE_PAGES_KEPT = 4000
_PAGES_RETURNED_AT_ONCE = 1000

# Only a file can be lost by itself or replaced by an older copy: PostgreSQL has no such table.
_MAKE_IDENTITY = (
    "CREATE TABLE IF NOT EXISTS broker_identity (id INTEGER PRIMARY KEY CHECK (id = 1), "
    "name TEXT NOT NULL, starts INTEGER NOT NULL)"
)
_GIVE_IDENTITY = (
    "INSERT INTO broker_identity (id, name, starts) VALUES (1, :name, 0) ON CONFLICT DO NOTHING"
)
_COUNT_START = "UPDATE broker_identity SET starts = starts + 1 RETURNING name, starts"


class PatientConnection(sqlite3.Connection):
    """Waits for locks in short uneven steps.

    SQLite's own waiting sleeps up to a tenth of a second between tries, which under load turns
    into the broker's latency. Every statement here is one that may be tried again: outside of a
    transaction, or the BEGIN IMMEDIATE that gets the only lock which others hold for long.
    """

    patience_s = 10.0

    def execute(self, statement: str, parameters: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(statement, parameters)
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
        return self._execute_when_free(statement, parameters)

    def _execute_when_free(self, statement: str, parameters: Any) -> sqlite3.Cursor:
        deadline = time.monotonic() + self.patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            time.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - spreads tries, no secret
            try:
                return super().execute(statement, parameters)
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() >= deadline:
                    raise
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


class WriteGate:
    """Lets the threads of this process write one after the other instead of busy-waiting."""

    def __init__(self) -> None:
        self._of: tuple[int, threading.Lock] = (os.getpid(), threading.Lock())

    @contextmanager
    def passing(self, patience: timedelta) -> Iterator[None]:
        pid, lock = self._of
        if pid != os.getpid():
            lock = threading.Lock()
            self._of = (os.getpid(), lock)
        if not lock.acquire(timeout=patience.total_seconds()):
            raise BrokerConnectionLost("another thread did not finish writing in time")
        try:
            yield
        finally:
            lock.release()


class SqliteStore(Store):
    def __init__(
        self, url: sa.URL, *, engines: Engines, gate: WriteGate, options: BrokerOptions
    ) -> None:
        super().__init__(
            statements=SQLITE,
            flushed=Session(engines, Durability.FLUSHED, _lost),
            relaxed=Session(engines, Durability.RELAXED, _lost),
        )
        self._url = url
        self._gate = gate
        self._patience = options.busy_timeout
        self._poll_interval = options.poll_interval

    def describe(self) -> str:
        return broker_address(self._url)

    def watch(self) -> "DataVersionWatch":
        return DataVersionWatch(self._relaxed, self._poll_interval)

    def announce(self, queues: frozenset[str]) -> None:
        """Nothing to do: consumers see that the file changed."""

    def insert(self, rows: Sequence[Row], *, version: int | None, durability: Durability) -> Stored:
        session = self._flushed if durability is Durability.FLUSHED else self._relaxed
        took: set[str] = set()
        with self._transaction(session) as connection:
            found = int(connection.execute(self._sql.version).fetchone()[0])
            if version is None or version == found:
                for row in rows:
                    parameters = {
                        "queue": row.queue,
                        "priority": row.priority,
                        "ttl_ms": row.ttl_ms,
                        "meta": row.meta,
                        "body": row.body,
                    }
                    if connection.execute(self._sql.insert, parameters).rowcount:
                        took.add(row.queue)
        return Stored(version=found, queues=frozenset(took))

    def settle(self, *, acknowledge: Sequence[Lease], requeue: Sequence[Lease]) -> Sequence[Lease]:
        with self._transaction(self._relaxed) as connection:
            return [
                *self._ended(connection, self._sql.acknowledge, acknowledge, {}),
                *self._ended(connection, self._sql.requeue, requeue, {}),
            ]

    def renew(self, leases: Sequence[Lease], lease: timedelta) -> Sequence[Lease]:
        with self._transaction(self._relaxed) as connection:
            return self._ended(
                connection, self._sql.renew, leases, {"lease_ms": milliseconds(lease)}
            )

    def clean(self) -> None:
        super().clean()
        with self._relaxed.use() as connection:
            free_pages = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
        if free_pages > _FREE_PAGES_KEPT:
            with self._transaction(self._relaxed) as connection:
                for _ in range(_PAGES_RETURNED_AT_ONCE):
                    # One by one: the driver takes only the first step of a larger piece.
                    connection.execute("PRAGMA incremental_vacuum(1)")

    def count_start(self) -> tuple[str, int]:
        """The name that this file was given when it was made, and how often it was started with
        this time. A copy of it has the name, and the count of its moment."""
        self.connect()
        with self._transaction(self._flushed) as connection:
            connection.execute(_MAKE_IDENTITY)
            connection.execute(_GIVE_IDENTITY, {"name": secrets.token_hex(16)})
            row = connection.execute(_COUNT_START).fetchall()[0]
        return str(row[0]), int(row[1])

    def connect(self) -> None:
        path = Path(self._url.database or "")
        try:
            # Messages are nobody else's business; SQLite gives its side files the same rights.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            pass
        except OSError as error:
            raise BrokerConnectionLost(f"cannot open {path}: {error.strerror}") from error
        super().connect()

    def _tables_found(self, connection: DriverConnection) -> bool:
        found = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'broker_topology'"
        return connection.execute(found).fetchone() is not None

    def _create_tables(self) -> None:
        dialect = self._url.get_dialect()()
        with self._transaction(self._flushed) as connection:
            for table in tables.metadata.sorted_tables:
                statement = CreateTable(table, if_not_exists=True).compile(dialect=dialect)
                connection.execute(str(statement))
                for index in sorted(table.indexes, key=lambda index: str(index.name)):
                    statement = CreateIndex(index, if_not_exists=True).compile(dialect=dialect)
                    connection.execute(str(statement))
            connection.execute(self._sql.start_topology, {"generation": tables.GENERATION})

    def _claim(self, statement: str, parameters: Mapping[str, object], queue: str) -> list[Any]:
        # Idle consumers only read: they never stand in the way of a writer.
        if self._maybe_one(self._sql.anything_ready, {"queue": queue}) is None:
            return []
        with self._gate.passing(self._patience), self._relaxed.use() as connection:
            return connection.execute(statement, parameters).fetchall()

    def _ended(
        self,
        connection: DriverConnection,
        statement: str,
        leases: Sequence[Lease],
        parameters: Mapping[str, object],
    ) -> list[Lease]:
        return [
            lease
            for lease in leases
            if not connection.execute(
                statement,
                {
                    "id": lease.message_id,
                    "token": lease.token,
                    "deliveries": lease.deliveries,
                    **parameters,
                },
            ).rowcount
        ]

    @contextmanager
    def _transaction(self, session: Session) -> Iterator[DriverConnection]:
        with self._gate.passing(self._patience), session.use() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # After some errors, such as a full disk, SQLite has rolled back already.
                if getattr(connection, "in_transaction", False):
                    connection.execute("ROLLBACK")
                raise


def count_start(url: sa.URL) -> tuple[str, int]:
    """See :meth:`SqliteStore.count_start`; leaves no connection open."""
    options = BrokerOptions()
    engines = Engines(lambda durability: make_engine(url, durability, options.busy_timeout))
    store = SqliteStore(url, engines=engines, gate=WriteGate(), options=options)
    try:
        return store.count_start()
    finally:
        store.close()
        engines.dispose()


class DataVersionWatch:
    """Asks SQLite whether another connection, here or in any process, committed something."""

    def __init__(self, session: Session, poll_interval: timedelta) -> None:
        self._session = session
        self._pause_s = poll_interval.total_seconds()
        self._version: int | None = None

    def fileno(self) -> None:
        return None

    def take(self) -> frozenset[str] | None:
        with self._session.use() as connection:
            version = int(connection.execute("PRAGMA data_version").fetchone()[0])
        if version == self._version:
            return frozenset()
        self._version = version
        return None

    def wait(self, timeout_s: float) -> frozenset[str] | None:
        deadline = time.monotonic() + timeout_s
        while True:
            announced = self.take()
            left_s = deadline - time.monotonic()
            if announced is None or left_s <= 0:
                return announced
            time.sleep(min(self._pause_s, left_s))

    def recheck_after_s(self) -> None:
        return None

    def close(self) -> None:
        """The connection belongs to the store."""


def make_engine(url: sa.URL, durability: Durability, busy_timeout: timedelta) -> sa.Engine:
    engine = sa.create_engine(
        url,
        poolclass=sa.QueuePool,
        pool_size=4,
        max_overflow=-1,
        connect_args={
            "factory": PatientConnection,
            "check_same_thread": False,
            "isolation_level": None,
            "timeout": 0,
        },
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: PatientConnection, _record: object) -> None:
        connection.patience_s = busy_timeout.total_seconds()
        # Only an empty file takes this setting; it lets the file shrink after a backlog.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_size_limit = 67108864")

    return engine


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return (error.sqlite_errorcode & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _lost(error: BaseException) -> bool:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return isinstance(cause, sqlite3.OperationalError | sqlite3.InterfaceError)
