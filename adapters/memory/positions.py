"""Positions of projections in memory."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from adapters.memory.database import ProjectionRow
from ports.outbound.positions import Position

if TYPE_CHECKING:
    from adapters.memory.store import MemoryUnitOfWork


class MemoryPositions:
    def __init__(self, unit: "MemoryUnitOfWork") -> None:
        self._unit = unit
        self._saved: list[Position] = []

    def lock(self, projection: str) -> Position:
        self._unit.before_reading()
        self._unit.write_now()
        row = self._row(projection)
        self._put(row)
        return row.position

    def find(self, projection: str) -> Position | None:
        unit = self._unit
        unit.before_reading()
        row = unit.database.projections.get((unit.context, projection), as_writer=unit.writes)
        return row.position if row else None

    def save(self, position: Position) -> None:
        self._unit.will_write()
        self._saved.append(position)

    def wake(self, projection: str, *, lease_seconds: float) -> bool:
        self._unit.write_now()
        row = self._row(projection)
        now = self._unit.clock.now()
        if row.woken_at is not None and now < row.woken_at + timedelta(seconds=lease_seconds):
            return False
        self._put(replace(row, woken_at=now))
        return True

    def awake(self, projection: str) -> None:
        self._unit.write_now()
        self._put(replace(self._row(projection), woken_at=None))

    def pending(self) -> tuple[list[Any], ...]:
        return (self._saved,)

    def flush(self) -> None:
        saved, self._saved = self._saved, []
        for position in saved:
            self._put(replace(self._row(position.projection), position=position))

    def _row(self, projection: str) -> ProjectionRow:
        key = (self._unit.context, projection)
        found = self._unit.database.projections.get(key, as_writer=True)
        return found or ProjectionRow(position=Position(projection=projection, position=0))

    def _put(self, row: ProjectionRow) -> None:
        key = (self._unit.context, row.position.projection)
        self._unit.database.projections.put(key, row)
