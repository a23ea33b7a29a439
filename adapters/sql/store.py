"""A database with the runtime's tables, as one context sees it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa

from adapters.sql.checkout import Checkout, check_out
from adapters.sql.connections import Connections, Write
from adapters.sql.engines import POSTGRESQL, Limits, open_engine, store_url
from adapters.sql.executor import Begin, Executor, Row
from adapters.sql.failures import NoCurrentConnection
from adapters.sql.lent_connection import watch
from adapters.sql.postgresql_flush import PostgresqlFlush
from adapters.sql.records import CompiledMapping
from adapters.sql.repositories import RecordMapping
from adapters.sql.sqlite_flush import SqliteFlush
from adapters.sql.statements import Statement
from adapters.sql.unit_of_work import SqlUnitOfWork
from adapters.sql.verifying import verify
from adapters.sql.wakeups import Announcer
from ports.errors import Fault
from ports.outbound.telemetry import Tracer


class SqlStore:
    """Shared by threads. Engines belong to a process: after a fork the child makes its own, and
    leaves the parent's connections alone."""

    def __init__(
        self,
        url: str,
        context: str,
        mappings: Sequence[RecordMapping] = (),
        tracer: Tracer | None = None,
        *,
        tenant: str = "",
        limits: Limits | None = None,
    ) -> None:
        if ":" in context or ":" in tenant:
            raise ValueError(
                "names of contexts and tenants hold no colon: it parts them in an index"
            )
        self.context = context
        self.tenant = tenant
        self.url = store_url(url)
        self.dialect = self.url.get_backend_name()
        self.tracer = tracer
        self.postgresql_flush = PostgresqlFlush(context, tenant)
        self.sqlite_flush = SqliteFlush(context, tenant)
        self.connections: Connections = _CurrentConnections(self)
        self._limits = limits or Limits()
        dialect = self.url.get_dialect()()
        self._mappings = {one.aggregate: CompiledMapping(one, dialect) for one in mappings}
        # By process id; setting one is atomic, so two threads that come first at once agree.
        self._engines: dict[int, sa.Engine] = {}
        self._announcers: dict[int, Announcer] = {}
        self._current: ContextVar[SqlUnitOfWork | None] = ContextVar(
            f"unit of work of {context}", default=None
        )
        self._reading: ContextVar[_Reading | None] = ContextVar(
            f"reading of {context}", default=None
        )

    def begin(self) -> SqlUnitOfWork:
        unit = SqlUnitOfWork(self, before=self._current.get())
        self._current.set(unit)
        return unit

    def current(self) -> SqlUnitOfWork | None:
        return self._current.get()

    @contextmanager
    def reading(self) -> Iterator[None]:
        if self._current.get() is not None or self._reading.get() is not None:
            yield
            return
        reading = _Reading(self)
        token = self._reading.set(reading)
        try:
            yield
        finally:
            self._reading.reset(token)
            reading.end()

    def close(self) -> None:
        announcer = self._announcers.pop(os.getpid(), None)
        if announcer is not None:
            announcer.close()
        engine = self._engines.pop(os.getpid(), None)
        if engine is not None:
            engine.dispose()

    def engine(self) -> sa.Engine:
        """This process's engine, in autocommit mode; for adapters that work in transactions of
        their own."""
        pid = os.getpid()
        engine = self._engines.get(pid)
        if engine is None:
            made = open_engine(self.url, self._limits)
            watch(made, self.tracer)
            engine = self._engines.setdefault(pid, made)
        return engine

    def verify(self) -> Sequence[Fault]:
        """What is wrong with the database, as far as the promises of this store depend on it.

        Raises:
            StoreUnavailable: it does not answer.
        """
        return verify(self.engine())

    # What follows is for the parts of this package.

    def mapping(self, aggregate: str) -> CompiledMapping:
        found = self._mappings.get(aggregate)
        if found is None:
            raise LookupError(
                f"the store of {self.context} was given no record mapping for {aggregate!r}"
            )
        return found

    @contextmanager
    def connected(self) -> Iterator[Executor]:
        """A connection apart from any unit of work."""
        checkout = self.check_out()
        try:
            yield checkout.executor
        finally:
            checkout.give_back()

    def look(self, statement: Statement, values: Sequence[object]) -> list[Row]:
        """Apart from any unit of work; see :meth:`Executor.look`."""
        checkout = self.check_out()
        try:
            return checkout.executor.look(statement, values)
        finally:
            checkout.give_back()

    @contextmanager
    def short_transaction(self, how: Begin = Begin.RELAXED) -> Iterator[Executor]:
        """For what may safely happen twice: its commit is not waited for on disk."""
        checkout = self.check_out()
        executor = checkout.executor
        try:
            executor.begin(how)
            yield executor
            executor.commit()
        except BaseException:
            checkout.roll_back()
            raise
        finally:
            checkout.give_back()

    def check_out(self) -> Checkout:
        return check_out(self.engine(), self.tracer)

    def step_back(self, ended: SqlUnitOfWork) -> None:
        """Make the innermost unit of work current that has not ended."""
        unit = self._current.get()
        if unit is not ended:
            return
        while unit is not None and unit.ended:
            unit = unit.before
        self._current.set(unit)

    def announce(self) -> None:
        """Somebody may be waiting for what was committed just now."""
        if self.dialect != POSTGRESQL:
            return  # on SQLite a waiter sees any commit by itself
        pid = os.getpid()
        announcer = self._announcers.get(pid)
        if announcer is None:
            announcer = self._announcers.setdefault(pid, Announcer(self.url, self.context))
        announcer.announce()

    def read_connection(self) -> sa.Connection:
        reading = self._reading.get()
        if reading is None:
            raise NoCurrentConnection(self.context)
        return reading.connection()


class _Reading:
    """One connection for the reads of a query, taken when the first of them comes."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._checkout: Checkout | None = None

    def connection(self) -> sa.Connection:
        if self._checkout is None:
            self._checkout = self._store.check_out()
        return self._checkout.core(read_only=True)

    def end(self) -> None:
        if self._checkout is not None:
            self._checkout.give_back()


class _CurrentConnections:
    def __init__(self, store: SqlStore) -> None:
        self._store = store

    @property
    def dialect(self) -> str:
        return self._store.dialect

    def current(self) -> sa.Connection:
        unit = self._store.current()
        return self._store.read_connection() if unit is None else unit.core()

    def write(self, statement: Write, row: Mapping[str, Any]) -> None:
        unit = self._store.current()
        if unit is None:
            raise NoCurrentConnection(self._store.context)
        unit.collect(statement, row)
