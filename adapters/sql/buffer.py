"""What a unit of work has been told to write and has not yet sent."""

from typing import Any

from adapters.sql.executor import Row
from adapters.sql.records import Record
from ports.errors import AlreadyDelivered, ConcurrencyConflict
from ports.messages import Delivery
from ports.outbound.event_store import NewEvent
from ports.outbound.message_table import Leased
from ports.outbound.positions import Position

InstanceKey = tuple[str, str, str]  # stream, aggregate, aggregate id


class Buffer:
    __slots__ = (
        "aggregates",
        "consumed",
        "deliveries",
        "events",
        "messages",
        "positions",
        "settled",
    )

    def __init__(self) -> None:
        self.consumed: list[Leased] = []
        self.settled: list[Delivery] = []
        self.deliveries: list[Delivery] = []
        self.aggregates: dict[tuple[str, str], Record] = {}  # by aggregate and identifier
        self.events: list[NewEvent] = []
        self.messages: list[Delivery] = []
        self.positions: dict[str, Position] = {}

    def __bool__(self) -> bool:
        return bool(
            self.messages
            or self.events
            or self.deliveries
            or self.aggregates
            or self.consumed
            or self.settled
            or self.positions
        )

    def lengths(self) -> tuple[int, ...]:
        """How much there is of each kind, for :meth:`cut`."""
        return (
            len(self.consumed),
            len(self.settled),
            len(self.deliveries),
            len(self.events),
            len(self.messages),
            len(self.aggregates),
            len(self.positions),
        )

    def cut(self, lengths: tuple[int, ...]) -> None:
        """Drop what was added since then, the newest of each kind."""
        *rows, aggregates, positions = lengths
        lists: tuple[list[Any], ...] = (
            self.consumed,
            self.settled,
            self.deliveries,
            self.events,
            self.messages,
        )
        for kept, length in zip(lists, rows, strict=True):
            del kept[length:]
        while len(self.aggregates) > aggregates:
            self.aggregates.popitem()
        while len(self.positions) > positions:
            self.positions.popitem()

    def sorted_deliveries(self) -> list[Delivery]:
        """In one order everywhere, so that two batches never wait for each other in a circle.

        Raises:
            AlreadyDelivered: one is in it twice.
        """
        if len(self.deliveries) < 2:
            return self.deliveries
        found = {(one.envelope.metadata.id, one.endpoint): one for one in self.deliveries}
        if len(found) < len(self.deliveries):
            raise AlreadyDelivered(*_first_repeated(self.deliveries))
        return [found[key] for key in sorted(found)]

    def sorted_aggregates(self) -> list[Record]:
        if len(self.aggregates) < 2:
            return list(self.aggregates.values())
        return [self.aggregates[key] for key in sorted(self.aggregates)]

    def predecessors(self) -> list[Row]:
        """(stream, aggregate, aggregate id, version) of the events that those to append follow on.

        Raises:
            ConcurrencyConflict: within the buffer itself a version is missing or there twice.
        """
        last: dict[InstanceKey, int] = {}
        found: list[Row] = []
        for event in self.events:
            key = (event.stream, event.aggregate, event.aggregate_id)
            expected = last.get(key, event.version - 1)
            if event.version != expected + 1:
                raise ConcurrencyConflict(event.aggregate, event.aggregate_id, event.version - 1)
            if key not in last and event.version > 1:
                found.append((*key, event.version - 1))
            last[key] = event.version
        return found

    def conflict_of_events(self) -> ConcurrencyConflict:
        first = self.events[0]
        return ConcurrencyConflict(first.aggregate, first.aggregate_id, first.version - 1)


def _first_repeated(deliveries: list[Delivery]) -> tuple[str, str]:
    seen: set[tuple[str, str]] = set()
    for delivery in deliveries:
        key = (delivery.envelope.metadata.id, delivery.endpoint)
        if key in seen:
            return key
        seen.add(key)
    raise AssertionError("none is repeated")
