"""The rows behind the memory stores, and who may change them.

One unit of work writes at a time, as in SQLite: it takes its turn with the first write that it
sends and keeps it until it ends. Its changes lie beside the committed rows and are invisible to
others until they are applied all at once.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from ports.errors import StoreUnavailable
from ports.messages import Delivery
from ports.outbound.deliveries import DeliveryRecord
from ports.outbound.event_store import StoredEvent
from ports.outbound.failed_messages import Attempt, FailedMessage
from ports.outbound.positions import Position
from ports.outbound.repositories import Loaded

K = TypeVar("K")
V = TypeVar("V")


class Listener(Protocol):
    def wake(self) -> None: ...


class Table(Generic[K, V]):
    """Committed rows in the order they were added, and what the one writer has changed."""

    def __init__(self, mutex: "threading.RLock") -> None:
        self._mutex = mutex
        self._committed: dict[K, V] = {}
        self._changed: dict[K, V | None] = {}  # None: removed

    def get(self, key: K, *, as_writer: bool) -> V | None:
        if as_writer and key in self._changed:
            return self._changed[key]
        return self._committed.get(key)

    def rows(self, *, as_writer: bool) -> list[tuple[K, V]]:
        with self._mutex:
            if not as_writer or not self._changed:
                return list(self._committed.items())
            merged: dict[K, V | None] = {**self._committed, **self._changed}
        return [(key, row) for key, row in merged.items() if row is not None]

    def put(self, key: K, row: V) -> None:
        self._changed[key] = row

    def remove(self, key: K) -> None:
        self._changed[key] = None

    def apply(self) -> None:
        for key, row in self._changed.items():
            if row is None:
                self._committed.pop(key, None)
            else:
                self._committed[key] = row
        self._changed.clear()

    def discard(self) -> None:
        self._changed.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    row_id: int
    delivery: Delivery
    added_at: datetime
    available_at: datetime
    hand_overs: int = 0
    token: str = ""
    leased_until: datetime | None = None
    kept: bool = False  # handed over without a confirm: gone as soon as its outcome is recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionRow:
    position: Position
    woken_at: datetime | None = None


@dataclass(slots=True)
class _Turn:
    writer: object | None = None
    thread: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)


class MemoryDatabase:
    """May be shared by the stores of several contexts; their rows are told apart by context."""

    def __init__(self, *, patience: timedelta = timedelta(seconds=10)) -> None:
        self._patience_seconds = patience.total_seconds()
        self._mutex = threading.RLock()
        self._turn = _Turn()
        self._listeners: list[Listener] = []
        self.last_position = 0
        self.committed_position = 0
        self.last_message_row = 0
        self.has_kept = False  # spares a walk over all messages as long as none was ever kept

        # context, stream, aggregate, aggregate id, version
        self.instances: Table[tuple[str, str, str, str, int], StoredEvent] = Table(self._mutex)
        self.log: Table[int, tuple[str, StoredEvent]] = Table(self._mutex)
        # context, aggregate, identifier
        self.aggregates: Table[tuple[str, str, str], Loaded] = Table(self._mutex)
        # context, row id
        self.messages: Table[tuple[str, int], MessageRow] = Table(self._mutex)
        # context, message id, endpoint. Message ids are unique over all tenants.
        self.deliveries: Table[tuple[str, str, str], DeliveryRecord] = Table(self._mutex)
        # context, failed message id
        self.failed_messages: Table[tuple[str, str], FailedMessage] = Table(self._mutex)
        self.attempts: Table[tuple[str, str], tuple[Attempt, ...]] = Table(self._mutex)
        # context, projection
        self.projections: Table[tuple[str, str], ProjectionRow] = Table(self._mutex)

    def begin_writing(self, writer: object) -> None:
        """Wait for the turn to write; at once when ``writer`` has it already.

        Raises:
            StoreUnavailable: another writer did not end in time, or it is a unit of work of this
                very thread, which could never end while this one waits.
        """
        turn = self._turn
        with turn.changed:
            if turn.writer is writer:
                return
            if turn.writer is not None and turn.thread == threading.get_ident():
                raise StoreUnavailable("another unit of work of this thread has written: end it")
            free = turn.changed.wait_for(lambda: turn.writer is None, self._patience_seconds)
            if not free:
                raise StoreUnavailable("another unit of work has written and did not end in time")
            turn.writer = writer
            turn.thread = threading.get_ident()

    def end_writing(self, writer: object, *, keep: bool) -> None:
        """Apply or forget what ``writer`` changed; nothing happens when it has not the turn."""
        with self._turn.changed:
            if self._turn.writer is not writer:
                return
            with self._mutex:
                for table in self._tables():
                    if keep:
                        table.apply()
                    else:
                        table.discard()
                # Positions that were rolled back stay unused, so the log may have holes.
                self.committed_position = self.last_position
            self._turn.writer = None
            self._turn.changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One short transaction."""
        writer = object()
        self.begin_writing(writer)
        try:
            yield
        except BaseException:
            self.end_writing(writer, keep=False)
            raise
        self.end_writing(writer, keep=True)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def stop_listening(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    def wake_listeners(self) -> None:
        for listener in tuple(self._listeners):
            listener.wake()

    def _tables(self) -> tuple[Table[object, object], ...]:
        return (  # type: ignore[return-value]
            self.instances,
            self.log,
            self.aggregates,
            self.messages,
            self.deliveries,
            self.failed_messages,
            self.attempts,
            self.projections,
        )
