"""State-stored aggregates and their versions."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Loaded:
    aggregate: object
    version: int  # 1 after the first save


class Repository(Protocol):
    """Instances of one kind of aggregate, within one unit of work."""

    def find(self, identifier: str) -> Loaded | None:
        """A fresh object on each call, buffered changes included."""

    def save(self, identifier: str, aggregate: object, *, expected_version: int) -> None:
        """Buffered; 0 creates. Flushing raises :class:`ports.errors.ConcurrencyConflict` when the
        stored version is another, or when an instance to create is already there."""
