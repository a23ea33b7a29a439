"""A channel that is a queue in this process. What it holds is gone with the process."""

import heapq
import threading
from collections.abc import Sequence

from ports.messages import Delivery
from ports.outbound.channels import CAPABILITIES, Capabilities, ChannelKind, PublishOutcome


class MemoryChannel:
    """May be shared by threads."""

    def __init__(
        self,
        name: str,
        *,
        capabilities: Capabilities = CAPABILITIES[ChannelKind.IN_MEMORY],
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self.confirms = True
        self._lock = threading.Lock()
        self._queue: list[tuple[int, int, Delivery]] = []
        self._published = 0
        # Of each key that waits: the place in the queue given last, and how many wait.
        self._keys: dict[str, tuple[int, int]] = {}

    def publish(self, deliveries: Sequence[Delivery]) -> Sequence[PublishOutcome]:
        with self._lock:
            for delivery in deliveries:
                self._published += 1
                rank = self._rank(delivery)
                heapq.heappush(self._queue, (rank, self._published, delivery))
        return [PublishOutcome.CONFIRMED] * len(deliveries)

    def receive(self) -> Delivery | None:
        """The next delivery, highest priority first, then in the order published; None when there
        is none. It is out of the channel then: who cannot handle it publishes it again."""
        with self._lock:
            if not self._queue:
                return None
            _, _, delivery = heapq.heappop(self._queue)
            if delivery.key:
                rank, waiting = self._keys[delivery.key]
                if waiting == 1:
                    del self._keys[delivery.key]
                else:
                    self._keys[delivery.key] = (rank, waiting - 1)
            return delivery

    def depth(self) -> int:
        return len(self._queue)

    def is_empty(self) -> bool:
        return not self._queue

    def close(self) -> None:
        """What waits stays: the process still holds it."""

    def _rank(self, delivery: Delivery) -> int:
        # A delivery never overtakes an earlier one of its key, whatever its priority.
        rank = -delivery.priority
        if delivery.key:
            before, waiting = self._keys.get(delivery.key, (rank, 0))
            rank = max(rank, before)
            self._keys[delivery.key] = (rank, waiting + 1)
        return rank
