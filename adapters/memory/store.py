"""A store in memory, for tests and for trying things out.

It keeps the promises of the ports to the letter, isolation of uncommitted work included, and passes
the same suites as the stores in SQL.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from adapters.memory.database import MemoryDatabase
from adapters.memory.deliveries import MemoryDeliveries
from adapters.memory.event_store import MemoryEventStore
from adapters.memory.failed_messages import MemoryFailedMessages
from adapters.memory.message_table import MemoryMessageTable
from adapters.memory.positions import MemoryPositions
from adapters.memory.repositories import MemoryRepository
from ports.errors import TransactionSpoiled
from ports.outbound.time import Clock

_logger = logging.getLogger(__name__)


class MemoryStore:
    """What one context sees of a database; several stores may share one."""

    def __init__(
        self, context: str, clock: Clock, *, database: MemoryDatabase | None = None
    ) -> None:
        self.context = context
        self.clock = clock
        self.database = MemoryDatabase() if database is None else database
        self._current: ContextVar[MemoryUnitOfWork | None] = ContextVar(
            f"unit of work of {context}", default=None
        )

    def begin(self) -> "MemoryUnitOfWork":
        unit = MemoryUnitOfWork(self, before=self._current.get())
        self._current.set(unit)
        return unit

    def current(self) -> "MemoryUnitOfWork | None":
        return self._current.get()

    @contextmanager
    def reading(self) -> Iterator[None]:
        yield

    def close(self) -> None:
        """There is nothing to give back."""

    def step_back(self) -> None:
        """Make the innermost unit of work current that has not ended."""
        unit = self._current.get()
        while unit is not None and unit.ended:
            unit = unit.before
        self._current.set(unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    lengths: dict[object, int]
    flushes: int
    written: int
    actions: int


class MemoryUnitOfWork:
    """One transaction; the parts of the store reach it through the methods without a port."""

    # What most units of work never need is made when it is first asked for.
    ended = False
    writes = False  # has the turn to write
    _buffered = False
    _wakes = False
    _broken: Exception | None = None
    # Writes so far, those of them that left the buffer, and how often it was emptied.
    _written = 0
    _sent = 0
    _flushes = 0
    _events: MemoryEventStore | None = None
    _messages: MemoryMessageTable | None = None
    _deliveries: MemoryDeliveries | None = None
    _failed_messages: MemoryFailedMessages | None = None
    _positions: MemoryPositions | None = None

    def __init__(self, store: MemoryStore, *, before: "MemoryUnitOfWork | None") -> None:
        self.context = store.context
        self.clock = store.clock
        self.database = store.database
        self.before = before
        self._store = store
        self._after_commit: list[Callable[[], None]] = []
        self._repositories: dict[str, MemoryRepository] = {}

    @property
    def events(self) -> MemoryEventStore:
        if self._events is None:
            self._events = MemoryEventStore(self)
        return self._events

    @property
    def messages(self) -> MemoryMessageTable:
        if self._messages is None:
            self._messages = MemoryMessageTable(self)
        return self._messages

    @property
    def deliveries(self) -> MemoryDeliveries:
        if self._deliveries is None:
            self._deliveries = MemoryDeliveries(self)
        return self._deliveries

    @property
    def failed_messages(self) -> MemoryFailedMessages:
        if self._failed_messages is None:
            self._failed_messages = MemoryFailedMessages(self)
        return self._failed_messages

    @property
    def positions(self) -> MemoryPositions:
        if self._positions is None:
            self._positions = MemoryPositions(self)
        return self._positions

    def aggregates(self, name: str) -> MemoryRepository:
        repository = self._repositories.get(name)
        if repository is None:
            repository = self._repositories[name] = MemoryRepository(self, name)
        return repository

    def after_commit(self, action: Callable[[], None]) -> None:
        self._check_usable()
        self._after_commit.append(action)

    def mark(self) -> object:
        return _Mark(
            lengths=self._lengths(),
            flushes=self._flushes,
            written=self._written,
            actions=len(self._after_commit),
        )

    def return_to(self, mark: object) -> None:
        assert isinstance(mark, _Mark)
        if self.ended:
            return
        if self._sent > mark.written:
            self._broken = self._broken or TransactionSpoiled()
        # What is buffered since a flush is newer than the mark altogether.
        lengths = mark.lengths if self._flushes == mark.flushes else {}
        for key, rows in self._pending():
            del rows[lengths.get(key, 0) :]
        del self._after_commit[mark.actions :]

    def _lengths(self) -> dict[object, int]:
        return {key: len(rows) for key, rows in self._pending()}

    def _pending(self) -> Iterator[tuple[object, list[Any]]]:
        parts = (
            self._deliveries,
            *self._repositories.values(),
            self._events,
            self._messages,
            self._positions,
        )
        for part in parts:
            if part is not None:
                for number, rows in enumerate(part.pending()):
                    yield (id(part), number), rows

    def flush(self) -> None:
        self._check_usable()
        if not self._buffered:
            return
        self._take_turn()
        self._sent = self._written
        self._flushes += 1
        try:
            if self._deliveries is not None:
                self._deliveries.flush()
            for _, repository in sorted(self._repositories.items()):
                repository.flush()
            if self._events is not None:
                self._events.flush()
            if self._messages is not None:
                self._messages.flush()
            if self._positions is not None:
                self._positions.flush()
        except Exception:
            self._broken = TransactionSpoiled()
            raise
        self._buffered = False

    def commit(self) -> None:
        try:
            self.flush()
        except BaseException:
            self.rollback()
            raise
        self._give_up_writing(keep=True)
        self._end()
        if self._wakes:
            self.database.wake_listeners()
        for action in self._after_commit:
            try:
                action()
            except Exception:
                # The commit stands; whoever called must not take it for a failure.
                _logger.exception("an action after a commit failed")

    def rollback(self) -> None:
        if self.ended:
            return
        self._give_up_writing(keep=False)
        self._end()

    def before_reading(self) -> None:
        """Flush, so that a read sees what this unit has written."""
        if self._buffered or self._broken or self.ended:
            self.flush()

    def will_write(self) -> None:
        """Something is buffered."""
        self._check_usable()
        self._buffered = True
        self._written += 1

    def will_wake(self) -> None:
        """What is buffered is of interest to relays and projections."""
        self._wakes = True

    def write_now(self) -> None:
        """Take the turn to write, for a change that is not buffered."""
        self._check_usable()
        self._take_turn()
        self._written += 1
        self._sent = self._written

    def _take_turn(self) -> None:
        self.database.begin_writing(self)
        self.writes = True

    def _give_up_writing(self, *, keep: bool) -> None:
        if self.writes:
            self.database.end_writing(self, keep=keep)
            self.writes = False

    def _end(self) -> None:
        self.ended = True
        self._store.step_back()

    def _check_usable(self) -> None:
        if self.ended:
            raise RuntimeError("this unit of work has ended")
        if self._broken is not None:
            raise self._broken
