"""The event log in memory.

The turn to write is held from the moment a position is drawn until the end of the unit of work, so
events commit in the order of their positions.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ports.errors import ConcurrencyConflict
from ports.outbound.event_store import NewEvent, StoredEvent

if TYPE_CHECKING:
    from adapters.memory.store import MemoryUnitOfWork


class MemoryEventStore:
    def __init__(self, unit: "MemoryUnitOfWork") -> None:
        self._unit = unit
        self._appended: list[NewEvent] = []

    def load(
        self, stream: str, aggregate: str, aggregate_id: str, *, after_version: int = 0
    ) -> Sequence[StoredEvent]:
        unit = self._unit
        unit.before_reading()
        rows = unit.database.instances
        found: list[StoredEvent] = []
        version = after_version + 1
        while event := rows.get(
            (unit.context, stream, aggregate, aggregate_id, version), as_writer=unit.writes
        ):
            found.append(event)
            version += 1
        return found

    def append(self, events: Sequence[NewEvent]) -> None:
        if events:
            self._unit.will_write()
            self._unit.will_wake()
            self._appended.extend(events)

    def read(
        self, streams: Sequence[str], *, after: int, until: int | None = None, limit: int
    ) -> Sequence[StoredEvent]:
        database = self._unit.database
        last = database.committed_position
        if until is not None:
            last = min(last, until)
        found: list[StoredEvent] = []
        for position in range(after + 1, last + 1):
            if len(found) >= limit:
                break
            row = database.log.get(position, as_writer=False)
            if row is not None and row[0] == self._unit.context and row[1].stream in streams:
                found.append(row[1])
        return found

    def any_after(self, streams: Sequence[str], *, position: int) -> bool:
        return bool(self.read(streams, after=position, limit=1))

    def horizon(self) -> int:
        return self._unit.database.committed_position

    def head(self) -> int:
        return self._unit.database.last_position

    def pending(self) -> tuple[list[Any], ...]:
        return (self._appended,)

    def flush(self) -> None:
        appended, self._appended = self._appended, []
        database = self._unit.database
        for event in appended:
            instance = (self._unit.context, event.stream, event.aggregate, event.aggregate_id)
            taken = database.instances.get((*instance, event.version), as_writer=True)
            follows = event.version == 1 or database.instances.get(
                (*instance, event.version - 1), as_writer=True
            )
            if taken or not follows:
                raise ConcurrencyConflict(event.aggregate, event.aggregate_id, event.version - 1)
            database.last_position += 1
            stored = StoredEvent(
                position=database.last_position,
                stream=event.stream,
                aggregate=event.aggregate,
                aggregate_id=event.aggregate_id,
                version=event.version,
                envelope=event.envelope,
            )
            database.instances.put((*instance, event.version), stored)
            database.log.put(stored.position, (self._unit.context, stored))
