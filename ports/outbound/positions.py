"""How far each projection has read."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class ProjectionStatus(StrEnum):
    RUNNING = "running"
    REBUILDING = "rebuilding"
    PAUSED = "paused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    projection: str
    position: int  # of the last event read; 0: none yet
    status: ProjectionStatus = ProjectionStatus.RUNNING
    error: str = ""
    rebuild_target: int = 0  # a rebuild is finished when it has passed this position
    advanced_at: datetime | None = None


class Positions(Protocol):
    def lock(self, projection: str) -> Position:
        """Read the position and hold its row until the transaction ends; a missing row is made.
        Who holds the row is the only one that feeds the projection."""

    def find(self, projection: str) -> Position | None:
        """Without a lock."""

    def save(self, position: Position) -> None:
        """Buffered with the rows of the projection: all or nothing."""

    def wake(self, projection: str, *, lease_seconds: float) -> bool:
        """Set the projection's wake-up flag, by the store's clock. False: it is set already and
        younger than the lease, so a runner is on its way. Never waits for :meth:`lock`."""

    def awake(self, projection: str) -> None:
        """Clear the flag: a runner has begun and will see everything committed before."""
