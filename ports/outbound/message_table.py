"""Messages that have not yet left: outgoing, delayed and retried deliveries (the outbox)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ports.messages import Delivery

# Counts stop here.
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """A row of the message table that one taker holds for the length of a lease."""

    row_id: int
    token: str
    delivery: Delivery
    hand_overs: int  # how often handing it over has failed so far
    added_at: datetime  # by the store's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was removed from the message table. ``has_outcome``: the same attempt was done, retried
    or failed before, here or where the message was going."""

    delivery: Delivery
    has_outcome: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedChannel:
    """Rows of a channel that nobody knows; ``count`` is at most :data:`MOST_COUNTED`, and
    ``oldest_at`` is that of those that were counted."""

    channel: str
    count: int
    oldest_at: datetime  # by the store's clock


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

    def take(self, channel: str, *, limit: int) -> Sequence[Taken]:
        """At once, in the transaction of the unit of work: remove rows of one channel, due or not,
        also those that are kept, in no order. What a taker holds by a lease is left alone."""


class WaitingDeliveries(Protocol):
    """What the relay and the consumer of a database channel take from the message table. Each call
    is one short transaction of its own; a lease ends by the store's clock."""

    lease: timedelta

    def claim(self, channels: Sequence[str], *, limit: int, token: str) -> Sequence[Leased]:
        """At most ``limit`` due deliveries of this context, priority first, then in the order they
        were added. Of one key only those before the first that is delayed or leased are taken.
        Taking over a lease that ran out counts as a failed hand-over: its holder may have died."""

    def remove(self, leased: Sequence[Leased]) -> None:
        """Handed over: gone for good. Rows that another taker holds by now are left alone."""

    def put_back(self, leased: Sequence[Leased], *, delay_seconds: float) -> None:
        """Not handed over: due again after the delay, and counted."""

    def renew(self, leased: Sequence[Leased]) -> int:
        """Begin the lease anew; how many are still held. Does not wait for a row that its holder is
        about to consume."""

    def keep(self, leased: Sequence[Leased]) -> None:
        """Handed over to a broker that is not trusted to keep it: the row stays until it is settled
        or released, and holds up none of its key meanwhile. Gone at once is a row whose outcome was
        recorded by then."""

    def kept(self, channels: Sequence[str], *, seconds: float) -> Sequence[str]:
        """Those of the channels that rows have been kept for at least so long."""

    def release(self, channel: str, *, seconds: float, limit: int) -> int:
        """The broker lost what it was given so long ago or longer: the rows that are kept for it
        leave again, counted as a failed hand-over. At most ``limit``; how many."""

    def drop_recorded(self, channel: str, *, seconds: float, limit: int) -> int:
        """Remove rows of which an outcome is recorded although they were not settled. Looks at the
        ``limit`` oldest of those kept for so long; how many were removed."""

    def seconds_until_due(self, channels: Sequence[str]) -> float | None:
        """Until the next waiting delivery is due; 0: now; None: nothing waits."""

    def removed_channels(self, known: Sequence[str]) -> Sequence[RemovedChannel]:
        """What waits for channels that are not among the known ones, by name."""

    def drop_expired(self, *, limit: int) -> int:
        """Remove deliveries whose time to live has passed; how many."""
