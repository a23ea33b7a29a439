"""The consumers of one channel and the messages it holds for them."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from adapters.sql_broker.consumers import new_token
from adapters.sql_broker.messages import Claimed, Message
from adapters.sql_broker.options import BrokerOptions
from adapters.sql_broker.store import Lease, Store
from adapters.sql_broker.upkeep import Settlement


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """``expires``: its queue is removed when nobody says for a while that it is read.
    ``auto_delete``: the queue goes with its last consumer.
    """

    tag: str
    queue: str
    no_ack: bool
    expires: bool
    auto_delete: bool
    callback: Callable[[Message], object]


@dataclass(slots=True, kw_only=True)
class _Held:
    lease: Lease
    queue: str
    lease_ended: bool = False


class Inbox:
    """Claims messages for its consumers, within the channel's window, and remembers the leases.

    Filling and delivering belong to one thread; settling may happen in any.
    """

    def __init__(self, channel: object, store: Store, options: BrokerOptions) -> None:
        self._channel = channel
        self._store = store
        self._options = options
        self._consumers: dict[str, Consumer] = {}
        self._held: dict[str, _Held] = {}
        self._undelivered: deque[tuple[Consumer, Message]] = deque()
        self._turn = 0
        #: How many unsettled messages the channel takes at most; 0: as many as it can get.
        self.window = 0
        #: Whose leases these are, readable for people who look at the table.
        self.token = new_token()

    def add(self, consumer: Consumer) -> None:
        self._consumers[consumer.tag] = consumer

    def remove(self, tag: str) -> Consumer | None:
        """Forget a consumer. What was claimed for it but not delivered is in :meth:`drop`."""
        return self._consumers.pop(tag, None)

    def drop_undelivered(self, consumer: Consumer) -> list[Settlement]:
        """Settlements that put back what this consumer will never see."""
        mine = [entry for entry in self._undelivered if entry[0] is consumer]
        self._undelivered = deque(e for e in self._undelivered if e[0] is not consumer)
        return [
            settlement
            for _, message in mine
            for settlement in self.settlements(str(message.delivery_tag), requeue=True)
        ]

    def queues(self) -> set[str]:
        return {consumer.queue for consumer in self.consumers()}

    def expiring_queues(self) -> set[str]:
        return {consumer.queue for consumer in self.consumers() if consumer.expires}

    def consumers(self) -> list[Consumer]:
        return list(self._consumers.values())

    def room(self) -> int:
        limit = self._options.claim_limit
        return limit if not self.window else min(limit, self.window - len(self._held))

    def has_work(self, due: set[str], *, settling: bool) -> bool:
        """Whether there is something to deliver, or room to claim for one of these queues.

        While settlements are on their way a window that is nearly full is left alone: one claim
        for several messages, when they are written, costs less than one for each.
        """
        if self._undelivered:
            return True
        enough = self.window // 4 if settling else 0
        has_room = self.room() > 0 and self.room() >= enough
        return any(c.queue in due and (c.no_ack or has_room) for c in self.consumers())

    def fill(self, due: set[str]) -> None:
        """Claim for the queues in ``due`` and take out of it those that are empty now."""
        waiting = [c for c in self._consumers.values() if c.queue in due]
        if not waiting:
            return
        self._turn += 1
        first = self._turn % len(waiting)
        for position, consumer in enumerate((*waiting[first:], *waiting[:first])):
            left = len(waiting) - position
            limit = self._options.claim_limit if consumer.no_ack else -(-self.room() // left)
            if limit <= 0:
                continue
            # Before the look: another thread may flag the queue while it is on its way.
            due.discard(consumer.queue)
            emptied = False
            try:
                emptied = self._claim(consumer, limit) < limit
            finally:
                if not emptied:
                    due.add(consumer.queue)

    def deliver(self) -> bool:
        """Hand the next message to its consumer; false when there is none."""
        if not self._undelivered:
            return False
        consumer, message = self._undelivered.popleft()
        consumer.callback(message)
        return True

    def get(self, queue: str, *, no_ack: bool) -> Message | None:
        """One message without a consumer, whatever the window."""
        claimed = self._rows(queue, limit=1, no_ack=no_ack)
        if not claimed:
            return None
        return self._received(claimed[0], queue=queue, tag=None, no_ack=no_ack)

    def settlements(
        self, delivery_tag: str, *, requeue: bool, multiple: bool = False
    ) -> list[Settlement]:
        """End the delivery with this tag, and with ``multiple`` all before it."""
        tags = [delivery_tag]
        if multiple and delivery_tag in self._held:
            all_tags = list(self._held)
            tags = all_tags[: all_tags.index(delivery_tag) + 1]
        ended = [self._held.pop(tag, None) for tag in tags]
        return _settlements([held for held in ended if held is not None], requeue=requeue)

    def put_back(self, *, forget: bool) -> list[Settlement]:
        """Settlements that make all held messages visible again.

        Unless they are forgotten, a late acknowledgement still counts when it comes before the
        next delivery: the work was done.
        """
        self._undelivered.clear()
        settlements = _settlements(list(self._held.values()), requeue=True)
        if forget:
            self._held.clear()
        return settlements

    def leases(self) -> list[Lease]:
        """What has to be renewed."""
        return [held.lease for held in list(self._held.values()) if not held.lease_ended]

    def mark_ended(self, leases: AbstractSet[Lease]) -> None:
        """Renew these no more: somebody else may have the messages by now."""
        for held in list(self._held.values()):
            if held.lease in leases:
                held.lease_ended = True

    def _claim(self, consumer: Consumer, limit: int) -> int:
        claimed = self._rows(consumer.queue, limit=limit, no_ack=consumer.no_ack)
        for row in claimed:
            message = self._received(
                row, queue=consumer.queue, tag=consumer.tag, no_ack=consumer.no_ack
            )
            self._undelivered.append((consumer, message))
        return len(claimed)

    def _rows(self, queue: str, *, limit: int, no_ack: bool) -> Sequence[Claimed]:
        if no_ack:
            return self._store.take(queue, limit=limit)
        return self._store.claim(queue, limit=limit, token=self.token, lease=self._options.lease)

    def _received(self, claimed: Claimed, *, queue: str, tag: str | None, no_ack: bool) -> Message:
        delivery_tag = f"{claimed.id}.{claimed.deliveries}"
        if not no_ack:
            lease = Lease(claimed.id, self.token, claimed.deliveries)
            self._held[delivery_tag] = _Held(lease=lease, queue=queue)
        return Message.delivered(
            claimed, channel=self._channel, consumer_tag=tag, delivery_tag=delivery_tag
        )


def _settlements(held: Sequence[_Held], *, requeue: bool) -> list[Settlement]:
    now = time.monotonic()
    return [
        Settlement(lease=each.lease, queue=each.queue, requeue=requeue, decided_at=now)
        for each in held
    ]
