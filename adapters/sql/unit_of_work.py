"""One transaction of one store: a lazy write buffer on one connection.

Nothing is connected before the first statement, BEGIN is sent only when a write must go out before
the commit, and a buffer that PostgreSQL can take in one statement is a transaction by itself.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from adapters.sql.buffer import Buffer
from adapters.sql.collected_rows import CollectedRows
from adapters.sql.connections import Write
from adapters.sql.deliveries import SqlDeliveries
from adapters.sql.event_store import SqlEventStore
from adapters.sql.executor import Executor, Row
from adapters.sql.failed_messages import SqlFailedMessages
from adapters.sql.failures import TransactionLost, UnitOfWorkEnded
from adapters.sql.message_table import SqlMessageTable
from adapters.sql.positions import SqlPositions
from adapters.sql.postgresql import PostgresqlExecutor
from adapters.sql.records import CompiledMapping
from adapters.sql.repositories import SqlRepository
from adapters.sql.sqlite import SqliteExecutor
from adapters.sql.statements import Statement

if TYPE_CHECKING:
    from adapters.sql.checkout import Checkout
    from adapters.sql.store import SqlStore

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    buffer: Buffer
    lengths: tuple[int, ...]
    flushed: int
    written_at_once: int
    collected: int
    actions: int


class SqlUnitOfWork:
    __slots__ = (
        "_after_commit",
        "_broken",
        "_checkout",
        "_collected",
        "_deliveries",
        "_events",
        "_failed_messages",
        "_fenced",
        "_flushed",
        "_in_transaction",
        "_messages",
        "_positions",
        "_repositories",
        "_store",
        "_wakes",
        "_written_at_once",
        "before",
        "buffer",
        "context",
        "dialect",
        "ended",
        "tenant",
    )

    def __init__(self, store: "SqlStore", *, before: "SqlUnitOfWork | None") -> None:
        self.context = store.context
        self.tenant = store.tenant
        self.dialect = store.dialect
        self.before = before
        self.ended = False
        self.buffer = Buffer()
        self._store = store
        self._checkout: Checkout | None = None
        self._in_transaction = False
        self._fenced = False
        self._broken = False
        self._wakes = False
        self._flushed = 0  # rows that left the buffer
        self._written_at_once = 0
        self._collected = CollectedRows()
        self._after_commit: list[Callable[[], None]] = []
        self._repositories: dict[str, SqlRepository] = {}
        self._events: SqlEventStore | None = None
        self._messages: SqlMessageTable | None = None
        self._deliveries: SqlDeliveries | None = None
        self._failed_messages: SqlFailedMessages | None = None
        self._positions: SqlPositions | None = None

    @property
    def events(self) -> SqlEventStore:
        if self._events is None:
            self._events = SqlEventStore(self)
        return self._events

    @property
    def messages(self) -> SqlMessageTable:
        if self._messages is None:
            self._messages = SqlMessageTable(self)
        return self._messages

    @property
    def deliveries(self) -> SqlDeliveries:
        if self._deliveries is None:
            self._deliveries = SqlDeliveries(self)
        return self._deliveries

    @property
    def failed_messages(self) -> SqlFailedMessages:
        if self._failed_messages is None:
            self._failed_messages = SqlFailedMessages(self)
        return self._failed_messages

    @property
    def positions(self) -> SqlPositions:
        if self._positions is None:
            self._positions = SqlPositions(self)
        return self._positions

    def aggregates(self, name: str) -> SqlRepository:
        repository = self._repositories.get(name)
        if repository is None:
            repository = SqlRepository(self, self._store.mapping(name))
            self._repositories[name] = repository
        return repository

    def after_commit(self, action: Callable[[], None]) -> None:
        self.check_open()
        self._after_commit.append(action)

    def check_open(self) -> None:
        if self.ended:
            raise UnitOfWorkEnded
        if self._broken:
            raise TransactionLost

    def mark(self) -> object:
        buffer = self.buffer
        return _Mark(
            buffer=buffer,
            lengths=buffer.lengths(),
            flushed=self._flushed,
            written_at_once=self._all_written_at_once(),
            collected=self._collected.total,
            actions=len(self._after_commit),
        )

    def return_to(self, mark: object) -> None:
        assert isinstance(mark, _Mark)
        if self.ended:
            return
        # What waited in the buffer at the mark may have been sent since, but nothing newer.
        older = mark.flushed + sum(mark.lengths)
        if (
            self._flushed > older
            or self._all_written_at_once() > mark.written_at_once
            or self._collected.sent > mark.collected
        ):
            self._broken = True
        elif self.buffer is mark.buffer:
            self.buffer.cut(mark.lengths)
        else:
            self.buffer = Buffer()
        self._collected.cut(mark.collected)
        del self._after_commit[mark.actions :]

    def _all_written_at_once(self) -> int:
        lent = self._checkout.written_by_borrowers() if self._checkout else 0
        return self._written_at_once + lent

    def run(self, statement: Statement, values: Sequence[object] = ()) -> list[Row]:
        """Read; outside a transaction unless one has begun."""
        self._send_collected_first()
        try:
            return self.executor().run(statement, values)
        except Exception:
            self._broken = self._broken or self._in_transaction
            raise

    def find_record(
        self, mapping: CompiledMapping, identifier: str
    ) -> tuple[Row, tuple[object, ...]] | None:
        """One row as the driver gives it, and the driver's types of its columns."""
        self._send_collected_first()
        bind = mapping.bind_identifier
        try:
            rows, types = self.executor().load(
                mapping.find, (identifier if bind is None else bind(identifier),)
            )
        except Exception:
            self._broken = self._broken or self._in_transaction
            raise
        return (rows[0], types) if rows else None

    def write(self, statement: Statement, values: Sequence[object] = ()) -> list[Row]:
        """Write at once, after what is buffered: both orders of locks are then the same."""
        self.flush()
        self.begin_transaction()
        self._written_at_once += 1
        return self.run(statement, values)

    def core(self) -> sa.Connection:
        """The same connection for SQLAlchemy, in a transaction because it may write."""
        self.flush()
        self.begin_transaction()
        core = self._connected().core()
        core.send_first = self._send_collected_first
        return core

    def collect(self, statement: Write, row: Mapping[str, Any]) -> None:
        """Write a row some time before the commit, with its like; see :class:`Connections`."""
        self.check_open()
        if not self._collected.goes_with(statement, row):
            self.flush()
        self._collected.add(statement, row)
        if self._checkout is not None and self._checkout.in_savepoint():
            self.flush()  # it has to go when the savepoint is rolled back

    def executor(self) -> Executor:
        return self._connected().executor

    def begin_transaction(self) -> None:
        if not self._in_transaction:
            self.executor().begin()
            self._in_transaction = True

    def flush(self) -> None:
        self.check_open()
        if not self.buffer and not self._collected:
            return
        try:
            self.begin_transaction()
            self._send()
        except BaseException:
            # Part of the buffer may have been sent: nothing of it may be kept by a later commit.
            self._broken = True
            self._undo()
            raise

    def commit(self) -> None:
        if self.ended:
            raise UnitOfWorkEnded
        try:
            if self._broken:
                raise TransactionLost
            if not self._committed_at_once():
                if self.buffer or self._collected:
                    self.begin_transaction()
                    self._send()
                if self._in_transaction:
                    self.executor().commit()
                    self._in_transaction = False
        except BaseException:
            self.rollback()
            raise
        self._end()
        self._run_actions()

    def rollback(self) -> None:
        if self.ended:
            return
        try:
            self._undo()
        finally:
            self._end()

    def _undo(self) -> None:
        self.buffer = Buffer()
        self._collected.cut(0)
        if self._in_transaction:
            self._in_transaction = False
            self._connected().roll_back()

    def _connected(self) -> "Checkout":
        if self._checkout is None:
            self.check_open()
            self._checkout = self._store.check_out()
        return self._checkout

    def _committed_at_once(self) -> bool:
        buffer = self.buffer
        if self._in_transaction or not buffer or self._collected:
            return False
        executor = self.executor()
        if not isinstance(executor, PostgresqlExecutor):
            return False
        if not self._store.postgresql_flush.commit_at_once(executor, buffer):
            return False
        self._note_wake_up(buffer)
        return True

    def _send_collected_first(self) -> None:
        if self._collected:
            self.flush()

    def _send(self) -> None:
        if self.buffer:
            self._send_buffer()
        if self._collected:
            self._send_collected()

    def _send_collected(self) -> None:
        core = self._connected().core()
        # They count by themselves: some of them may be older than a mark.
        writes = core.writes
        try:
            self._collected.send(core)
        finally:
            core.writes = writes

    def _send_buffer(self) -> None:
        buffer, self.buffer = self.buffer, Buffer()
        self._flushed += sum(buffer.lengths())
        executor = self.executor()
        if isinstance(executor, PostgresqlExecutor):
            self._store.postgresql_flush.flush(executor, buffer, fenced=self._fenced)
            if buffer.events:
                # A fence taken inside a savepoint is lost when that is rolled back.
                self._fenced = not self._connected().in_savepoint()
        elif isinstance(executor, SqliteExecutor):
            self._store.sqlite_flush.flush(executor, buffer)
        self._note_wake_up(buffer)

    def _note_wake_up(self, buffer: Buffer) -> None:
        if buffer.messages or buffer.events:
            self._wakes = True

    def _end(self) -> None:
        self.ended = True
        checkout, self._checkout = self._checkout, None
        self._store.step_back(self)
        if checkout is not None:
            checkout.give_back()

    def _run_actions(self) -> None:
        wake_up = [self._store.announce] if self._wakes else []
        for action in (*wake_up, *self._after_commit):
            try:
                action()
            except Exception:
                # The commit stands; raising would make the caller believe otherwise.
                _logger.exception("an action after a commit failed")
