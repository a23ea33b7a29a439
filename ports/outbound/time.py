"""Time and identifiers, as the core sees them."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present: aware, UTC, with microseconds."""


class Identifiers(Protocol):
    def new(self) -> str:
        """A fresh UUIDv7 as text: unique, and sortable by the time it was made."""
