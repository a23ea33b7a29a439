"""A connection taken from the pool for one unit of work or one reading."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import PoolProxiedConnection

from adapters.sql.engines import POSTGRESQL
from adapters.sql.executor import Executor
from adapters.sql.failures import failure_of
from adapters.sql.lent_connection import LentConnection
from adapters.sql.postgresql import PostgresqlExecutor
from adapters.sql.sqlite import SqliteExecutor
from ports.errors import StoreUnavailable
from ports.outbound.telemetry import Tracer

_EXECUTOR = "thicket executor"

# Idle connections that turn out to be dead are replaced; that many at once means no server.
_TRIES = 30


class Checkout:
    __slots__ = ("_core", "_engine", "_pooled", "executor")

    def __init__(
        self, engine: sa.Engine, pooled: PoolProxiedConnection, executor: Executor
    ) -> None:
        self._engine = engine
        self._pooled = pooled
        self.executor = executor
        self._core: LentConnection | None = None

    def core(self, *, read_only: bool = False) -> LentConnection:
        if self._core is None:
            self._core = LentConnection(self._engine, self._pooled, read_only=read_only)
        return self._core

    def written_by_borrowers(self) -> int:
        """Statements other than plain reads that went through :meth:`core`."""
        return self._core.writes if self._core is not None else 0

    def in_savepoint(self) -> bool:
        return self._core is not None and self._core.in_nested_transaction()

    def roll_back(self) -> None:
        """Never fails: a connection that cannot roll back is thrown away, and the database rolls
        back when it notices."""
        try:
            self.executor.rollback()
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection is of no use
            if self._pooled.dbapi_connection is not None:
                self._pooled.invalidate(error)

    def give_back(self) -> None:
        if self._core is not None:
            self._core.take_back()
        if self._pooled.dbapi_connection is None:
            return
        if self.executor.usable():
            self._pooled.close()
        else:
            self._pooled.invalidate()


def check_out(engine: sa.Engine, tracer: Tracer | None) -> Checkout:
    """Raises:
    StoreUnavailable: no connection could be made, or none became free in time.
    """
    for _ in range(_TRIES):
        try:
            pooled = engine.raw_connection()
        except Exception as error:
            raise _unavailable(error) from error
        executor: Executor | None = pooled.info.get(_EXECUTOR)
        if executor is None:
            executor = _executor(engine, pooled.dbapi_connection, tracer)
            pooled.info[_EXECUTOR] = executor
        elif not executor.usable():
            # The server was restarted while it lay idle, or somebody left a transaction open.
            pooled.invalidate()
            continue
        elif tracer is not None:
            executor.trace_with(tracer)
        return Checkout(engine, pooled, executor)
    raise StoreUnavailable("the database closes every connection at once")


def _executor(engine: sa.Engine, connection: Any, tracer: Tracer | None) -> Executor:
    if engine.dialect.name == POSTGRESQL:
        return PostgresqlExecutor(connection, tracer)
    return SqliteExecutor(connection, tracer)


def _unavailable(error: Exception) -> Exception:
    meaning = failure_of(error)
    if isinstance(meaning, StoreUnavailable):
        return meaning
    return StoreUnavailable(f"no connection to the store: {meaning}")
