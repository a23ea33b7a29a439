"""The event log: append with an expected version, read one stream, read all in order.

One log per store. ``position`` is global and trustworthy: a reader that remembers the last position
it read never misses an event that commits later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ports.messages import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """``version`` counts from 1 within one aggregate instance. The envelope's metadata id is the
    event's id."""

    stream: str
    aggregate: str
    aggregate_id: str
    version: int
    envelope: Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    position: int
    stream: str
    aggregate: str
    aggregate_id: str
    version: int
    envelope: Envelope


class EventStore(Protocol):
    """Works in the transaction of its unit of work. All calls concern the unit's context."""

    def load(
        self, stream: str, aggregate: str, aggregate_id: str, *, after_version: int = 0
    ) -> Sequence[StoredEvent]:
        """The events of one instance by version; none: there is no such instance."""

    def append(self, events: Sequence[NewEvent]) -> None:
        """Buffered. The versions must follow on what is stored, else flushing raises
        :class:`ports.errors.ConcurrencyConflict` and nothing is kept."""

    def read(
        self, streams: Sequence[str], *, after: int, until: int | None = None, limit: int
    ) -> Sequence[StoredEvent]:
        """At most ``limit`` events with a position above ``after``, lowest first, and none beyond
        an append that is still under way."""

    def any_after(self, streams: Sequence[str], *, position: int) -> bool:
        """Whether :meth:`read` would return anything."""

    def horizon(self) -> int:
        """The position up to which :meth:`read` can see at this moment. Compared, never saved."""

    def head(self) -> int:
        """The highest position handed out so far, committed or not."""
