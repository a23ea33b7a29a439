"""Consuming a database channel straight from the message table: the row is deleted in the very
transaction that holds the handler's effects."""

import logging
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic

from app.messaging.backing_off import back_off
from app.messaging.consuming import Consumer
from ports.errors import StoreUnavailable
from ports.messages import Delivery
from ports.outbound.message_table import Leased, WaitingDeliveries
from ports.outbound.wakeups import WakeUps

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
LONGEST_BACK_OFF_SECONDS = 60.0
_RENEWALS_PER_LEASE = 3


class DatabaseChannelConsumer:
    """Any number may run on one channel."""

    def __init__(
        self,
        channel: str,
        *,
        token: str,
        waiting: WaitingDeliveries,
        consumer: Consumer,
        wake_ups: WakeUps,
        time_limit: Callable[[Delivery], float],
    ) -> None:
        """``time_limit``: seconds that a handler may take for the delivery. Its row is held for so
        long; after that another consumer may take it over."""
        self._channels = (channel,)
        self._token = token
        self._waiting = waiting
        self._consumer = consumer
        self._wake_ups = wake_ups
        self._time_limit = time_limit
        self._held: tuple[Leased, float] | None = None  # and until when it may be renewed

    def pump(self, *, limit: int = 1) -> int:
        """Handle at most ``limit`` due deliveries, one after the other; how many there were."""
        handled = 0
        while handled < limit:
            leased = self._waiting.claim(self._channels, limit=1, token=self._token)
            if not leased:
                break
            self._handle(leased[0])
            handled += 1
        return handled

    def _handle(self, row: Leased) -> None:
        self._held = row, monotonic() + self._time_limit(row.delivery)
        try:
            self._consumer.receive(row.delivery, row.hand_overs, leased=row)
        except StoreUnavailable:
            raise
        except Exception:
            # Not even its failure could be recorded. It must not stand in the way of the others.
            logger.exception(
                "delivery goes back",
                extra={
                    "message_id": row.delivery.envelope.metadata.id,
                    "endpoint": row.delivery.endpoint,
                },
            )
            pause = back_off(row.hand_overs + 1, first=1.0, longest=LONGEST_BACK_OFF_SECONDS)
            self._waiting.put_back([row], delay_seconds=pause)
        finally:
            self._held = None

    def run(self, stop: Event) -> None:
        """Until ``stop`` is set; the handler that runs then finishes first. Meanwhile a thread of
        its own renews the lease of what is being handled."""
        ended = Event()
        holding = Thread(target=self._hold, args=(ended,), name=f"holding {self._channels[0]}")
        holding.start()
        try:
            self._run(stop)
        finally:
            ended.set()
            holding.join()

    def _hold(self, ended: Event) -> None:
        pause = self._waiting.lease.total_seconds() / _RENEWALS_PER_LEASE
        while not ended.wait(pause):
            held = self._held
            if held is None or monotonic() > held[1]:
                continue
            try:
                self._waiting.renew([held[0]])
            except Exception:
                # The next try comes before the lease ends; and if it ends, effects are once.
                logger.warning("a lease could not be renewed", exc_info=True)

    def _run(self, stop: Event) -> None:
        failures = 0
        while not stop.is_set():
            try:
                handled = self.pump()
                failures = 0
            except StoreUnavailable:
                failures += 1
                stop.wait(back_off(failures, first=0.2, longest=5.0))
                continue
            if not handled:
                self._wake_ups.wait(SWEEP_SECONDS)
