"""State-stored aggregates as copies in memory."""

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from ports.errors import ConcurrencyConflict
from ports.inbound.aggregates import RecordsEvents
from ports.outbound.repositories import Loaded

if TYPE_CHECKING:
    from adapters.memory.store import MemoryUnitOfWork


class MemoryRepository:
    """Instances of one kind, copied on the way in and out: no object is shared with a caller."""

    def __init__(self, unit: "MemoryUnitOfWork", name: str) -> None:
        self._unit = unit
        self._name = name
        self._saved: list[tuple[str, object, int]] = []

    def find(self, identifier: str) -> Loaded | None:
        unit = self._unit
        unit.before_reading()
        found = unit.database.aggregates.get(self._key(identifier), as_writer=unit.writes)
        if found is None:
            return None
        return Loaded(aggregate=deepcopy(found.aggregate), version=found.version)

    def save(self, identifier: str, aggregate: object, *, expected_version: int) -> None:
        self._unit.will_write()
        copy = deepcopy(aggregate)
        if isinstance(copy, RecordsEvents):
            # Recorded events are announced by whoever saves; a row would not keep them either.
            copy.pull_events()
        self._saved.append((identifier, copy, expected_version))

    def pending(self) -> tuple[list[Any], ...]:
        return (self._saved,)

    def flush(self) -> None:
        saved, self._saved = self._saved, []
        rows = self._unit.database.aggregates
        for identifier, aggregate, expected_version in sorted(saved, key=lambda entry: entry[0]):
            found = rows.get(self._key(identifier), as_writer=True)
            if (found.version if found else 0) != expected_version:
                raise ConcurrencyConflict(self._name, identifier, expected_version)
            rows.put(
                self._key(identifier), Loaded(aggregate=aggregate, version=expected_version + 1)
            )

    def _key(self, identifier: str) -> tuple[str, str, str]:
        return (self._unit.context, self._name, identifier)
