"""Messages that have not yet left: outgoing, delayed and retried deliveries (the outbox)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ports.messages import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """A row of the message table that one taker holds for the length of a lease."""

    row_id: int
    token: str
    delivery: Delivery
    hand_overs: int  # how often handing it over has failed so far
    kept: bool = False  # handed over before, to a broker that gives no confirms


class MessageTable(Protocol):
    """As seen from a unit of work."""

    def add(self, delivery: Delivery) -> None:
        """Buffered; leaves with the commit of the unit of work, never before."""

    def consume(self, leased: Leased) -> None:
        """Buffered: delete the row together with the effects of handling it. Flushing raises
        :class:`ports.errors.AlreadyDelivered` when the lease was lost; nothing is kept then."""

    def settle(self, delivery: Delivery) -> None:
        """Buffered: delete the row that was kept for this delivery's attempt or an earlier one, if
        there is one; where the store is shared, that of the context which sent it, too."""


class WaitingDeliveries(Protocol):
    """What the relay and the consumer of a database channel take from the message table. Each call
    is one short transaction of its own; a lease ends by the store's clock."""

    def claim(self, channels: Sequence[str], *, limit: int, token: str) -> Sequence[Leased]:
        """At most ``limit`` due deliveries of this context, priority first, then in the order they
        were added. Of one key only those before the first that is delayed or leased are taken.
        Taking over a lease that ran out counts as a failed hand-over: its holder may have died."""

    def remove(self, leased: Sequence[Leased]) -> None:
        """Handed over: gone for good. Rows that another taker holds by now are left alone."""

    def put_back(self, leased: Sequence[Leased], *, delay_seconds: float) -> None:
        """Not handed over: due again after the delay, and counted."""

    def keep(self, leased: Sequence[Leased], *, seconds: float) -> None:
        """Handed over to a broker that gives no confirms: the row stays, and is due again after
        ``seconds`` unless its delivery was recorded by then."""

    def seconds_until_due(self, channels: Sequence[str]) -> float | None:
        """Until the next waiting delivery is due; 0: now; None: nothing waits."""

    def drop_expired(self, *, limit: int) -> int:
        """Remove deliveries whose time to live has passed; how many."""
