"""Messages of channels that a later release removed or renamed: nobody takes them any more.

They wait until an operator makes them failed messages.
"""

from collections.abc import Iterable, Sequence

from app.messaging.failing import Failing, describe
from app.messaging.transactions import Transactions
from ports.errors import ChannelIsDeclared, ChannelRemoved
from ports.outbound.message_table import RemovedChannel, WaitingDeliveries
from ports.outbound.time import Clock
from ports.outbound.transactions import UnitOfWork

BATCH = 100


def by_name(found: Iterable[RemovedChannel]) -> Sequence[RemovedChannel]:
    """Several message tables may hold rows of one channel: of its own context, and of those who
    sent to it."""
    together: dict[str, RemovedChannel] = {}
    for one in found:
        known = together.get(one.channel)
        together[one.channel] = (
            one
            if known is None
            else RemovedChannel(
                channel=one.channel,
                count=known.count + one.count,
                oldest_at=min(known.oldest_at, one.oldest_at),
            )
        )
    return [together[name] for name in sorted(together)]


class RemovedChannels:
    """Of one context: those that its message table holds rows of, although it neither takes from
    them nor sends to them. One that is direct now has no rows to take, and belongs to them."""

    def __init__(
        self,
        *,
        known: frozenset[str],
        waiting: WaitingDeliveries,
        transactions: Transactions,
        failing: Failing,
        clock: Clock,
    ) -> None:
        self.known = known
        self._waiting = waiting
        self._transactions = transactions
        self._failing = failing
        self._clock = clock

    def all(self) -> Sequence[RemovedChannel]:
        return self._waiting.removed_channels(sorted(self.known))

    def reject(self, channel: str, *, actor: str, reason: str, batch: int = BATCH) -> int:
        """Make failed messages of all that waits for the channel, in bounded transactions; how
        many. What has expired, or has an outcome already, is dropped as ever. Killed midway, a
        second call goes on with what is left. What a relay of an earlier release holds just now
        stays until a later call.

        Raises:
            ChannelIsDeclared
        """
        if channel in self.known:
            raise ChannelIsDeclared(channel)
        while self._waiting.drop_expired(limit=batch):
            pass
        error, rejected = ChannelRemoved(channel, reason), 0

        def one_batch(unit: UnitOfWork) -> tuple[int, int]:
            taken = unit.messages.take(channel, limit=batch)
            failure = describe(error, clock=self._clock, trace="")
            parked = [
                self._failing.park(unit, one.delivery, failure, actor=actor)
                for one in taken
                if not one.has_outcome
            ]
            return len(taken), sum(parked)

        while True:
            taken, parked = self._transactions.apart(one_batch)
            rejected += parked
            if not taken:
                return rejected
