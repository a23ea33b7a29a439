"""The broker in a PostgreSQL database, with tables that Alembic made."""

import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import sqlalchemy as sa

from adapters.sql_broker.addresses import broker_address
from adapters.sql_broker.errors import BrokerConnectionLost
from adapters.sql_broker.messages import Row
from adapters.sql_broker.options import milliseconds
from adapters.sql_broker.sessions import DriverConnection, Durability, Engines, Session
from adapters.sql_broker.statements import POSTGRESQL
from adapters.sql_broker.store import Lease, Store, Stored

_CHANNEL = "broker_message"
_LISTEN = "LISTEN broker_message"
_ANNOUNCE = "SELECT pg_notify('broker_message', n) FROM unnest(CAST(%(names)s AS text[])) AS n"

#: A queue is announced at most once in this time, and looked at again when twice of it has passed
#: since the announcement; so a message stored in between is found although nobody announced it.
_ANNOUNCE_EVERY_S = 0.005
_RECHECK_AFTER_S = 2 * _ANNOUNCE_EVERY_S
_ANNOUNCEMENTS_REMEMBERED = 1000

#: A server that vanished without a word is noticed after about half a minute.
_CONNECT_ARGUMENTS: Mapping[str, object] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "thicket broker",
}

#: Queues are empty when statistics are gathered and full when it matters, so the planner must not
#: be allowed to conclude from them that reading and sorting the whole table is cheap.
_SETTINGS: Mapping[str, str] = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "statement_timeout": "60s",
    "jit": "off",
}


class PostgresqlStore(Store):
    def __init__(self, url: sa.URL, *, engines: Engines) -> None:
        super().__init__(
            statements=POSTGRESQL,
            flushed=Session(engines, Durability.FLUSHED, _lost),
            relaxed=Session(engines, Durability.RELAXED, _lost),
        )
        self._url = url
        self._engines = engines
        self._announced_at: dict[str, float] = {}

    def describe(self) -> str:
        return broker_address(self._url)

    def watch(self) -> "NotificationWatch":
        return NotificationWatch(self._engines)

    def announce(self, queues: frozenset[str]) -> None:
        now = time.monotonic()
        due = [
            name for name in queues if now - self._announced_at.get(name, 0.0) >= _ANNOUNCE_EVERY_S
        ]
        if not due:
            return
        with self._relaxed.use() as connection:
            connection.execute(_ANNOUNCE, {"names": due})
        if len(self._announced_at) > _ANNOUNCEMENTS_REMEMBERED:
            self._announced_at.clear()
        # Only what was announced counts, and from before it was: see _RECHECK_AFTER_S.
        self._announced_at.update(dict.fromkeys(due, now))

    def insert(self, rows: Sequence[Row], *, version: int | None, durability: Durability) -> Stored:
        session = self._flushed if durability is Durability.FLUSHED else self._relaxed
        parameters = {
            "queues": [row.queue for row in rows],
            "priorities": [row.priority for row in rows],
            "ttls_ms": [row.ttl_ms for row in rows],
            "metas": [row.meta for row in rows],
            "bodies": [row.body for row in rows],
            "version": version or 0,
            "check_version": version is not None,
        }
        with session.use() as connection:
            row = connection.execute(self._sql.insert, parameters).fetchone()
        return Stored(version=int(row[0]), queues=frozenset(row[1]))

    def settle(self, *, acknowledge: Sequence[Lease], requeue: Sequence[Lease]) -> Sequence[Lease]:
        with self._relaxed.use() as connection:
            return [
                *self._ended(connection, self._sql.acknowledge, acknowledge, {}),
                *self._ended(connection, self._sql.requeue, requeue, {}),
            ]

    def renew(self, leases: Sequence[Lease], lease: timedelta) -> Sequence[Lease]:
        with self._relaxed.use() as connection:
            return self._ended(
                connection, self._sql.renew, leases, {"lease_ms": milliseconds(lease)}
            )

    def _tables_found(self, connection: DriverConnection) -> bool:
        row = connection.execute("SELECT to_regclass('broker_topology')").fetchone()
        return row is not None and row[0] is not None

    def _create_tables(self) -> None:
        """Not ours to do: a database that others use too is changed by migrations only."""

    def _claim(self, statement: str, parameters: Mapping[str, object], queue: str) -> list[Any]:
        with self._relaxed.use() as connection:
            return connection.execute(statement, parameters).fetchall()

    def _ended(
        self,
        connection: DriverConnection,
        statement: str,
        leases: Sequence[Lease],
        parameters: Mapping[str, object],
    ) -> list[Lease]:
        if not leases:
            return []
        rows = connection.execute(
            statement,
            {
                "ids": [lease.message_id for lease in leases],
                "tokens": [lease.token for lease in leases],
                "deliveries": [lease.deliveries for lease in leases],
                **parameters,
            },
        ).fetchall()
        live = {row[0] for row in rows}
        return [lease for lease in leases if lease.message_id not in live]

    @contextmanager
    def _transaction(self, session: Session) -> Iterator[DriverConnection]:
        with session.use() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
                connection.execute("COMMIT")
            except psycopg.OperationalError:
                raise
            except BaseException:
                connection.execute("ROLLBACK")
                raise


class NotificationWatch:
    """A connection that listens. It is this watch's alone, because a pooled one would be shared."""

    def __init__(self, engines: Engines) -> None:
        try:
            pooled = engines.engine(Durability.RELAXED).raw_connection()
            self._connection: psycopg.Connection[Any] = pooled.driver_connection  # type: ignore[assignment]
            pooled.detach()
            self._connection.execute(_LISTEN)
        except Exception as error:
            if not _lost(error):
                raise
            raise BrokerConnectionLost(f"cannot listen: {error}") from error
        self._heard_before = False

    def fileno(self) -> int:
        return self._connection.fileno()

    def take(self) -> AbstractSet[str] | None:
        return self._notified(timeout_s=0, stop_after=None)

    def wait(self, timeout_s: float) -> AbstractSet[str] | None:
        return self._notified(timeout_s=max(timeout_s, 0), stop_after=1)

    def recheck_after_s(self) -> float:
        return _RECHECK_AFTER_S

    def close(self) -> None:
        self._connection.close()

    def _notified(self, *, timeout_s: float, stop_after: int | None) -> AbstractSet[str] | None:
        if not self._heard_before:
            # What was announced before this connection listened is not announced again.
            self._heard_before = True
            return None
        try:
            return {
                notification.payload
                for notification in self._connection.notifies(
                    timeout=timeout_s, stop_after=stop_after
                )
            }
        except psycopg.Error as error:
            raise BrokerConnectionLost(f"the server ended listening: {error}") from error


def make_engine(url: sa.URL, durability: Durability) -> sa.Engine:
    arguments = {name: value for name, value in _CONNECT_ARGUMENTS.items() if name not in url.query}
    engine = sa.create_engine(
        url, pool_size=5, max_overflow=-1, pool_pre_ping=True, connect_args=arguments
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: psycopg.Connection[Any], _record: object) -> None:
        connection.autocommit = True
        settings = dict(_SETTINGS)
        if durability is Durability.RELAXED:
            settings["synchronous_commit"] = "off"
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))

    return engine


def _lost(error: BaseException) -> bool:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    # The last one: a queue was deleted while somebody was binding it. Connecting again declares it.
    return isinstance(
        cause,
        psycopg.OperationalError | psycopg.InterfaceError | psycopg.errors.ForeignKeyViolation,
    )
