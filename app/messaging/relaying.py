"""From the message table to the channels, and waking projections.

The relay claims due rows by lease, publishes them outside any transaction, and removes those that
were confirmed. Killed anywhere in between, the rows are handed over again, and the delivery rows of
the receivers absorb what arrives twice.
"""

import logging
from collections.abc import Mapping, Sequence
from itertools import groupby
from threading import Event

from app.messaging.projecting import Projections
from ports.errors import ChannelUnavailable, StoreUnavailable
from ports.outbound.channels import MessageChannel, PublishOutcome
from ports.outbound.message_table import Leased, WaitingDeliveries
from ports.outbound.metrics import Metrics
from ports.outbound.wakeups import WakeUps

logger = logging.getLogger(__name__)

BATCH = 100
SWEEP_SECONDS = 1.0
# A row kept for a broker without confirms is looked at again after this long.
KEEP_SECONDS = 15.0
LONGEST_BACK_OFF_SECONDS = 5.0


class Relay:
    """Of one context; any number may run at once."""

    def __init__(
        self,
        context: str,
        *,
        token: str,
        waiting: WaitingDeliveries,
        channels: Mapping[str, MessageChannel],
        projections: Projections,
        wake_ups: WakeUps,
        metrics: Metrics,
    ) -> None:
        self._context = context
        self._token = token
        self._waiting = waiting
        self._channels = channels
        self._names = tuple(channels)
        self._projections = projections
        self._wake_ups = wake_ups
        self._metrics = metrics

    def run(self, stop: Event) -> None:
        """Until ``stop`` is set, which is noticed at the latest after a second."""
        failures = 0
        while not stop.is_set():
            try:
                handed_over = self.pump()
                self._projections.wake(self._channels)
                failures = 0
            except StoreUnavailable:
                failures += 1
                pause = min(0.1 * 2**failures, LONGEST_BACK_OFF_SECONDS)
                logger.warning("store is away, relay waits", extra={"seconds": pause})
                stop.wait(pause)
                continue
            if handed_over < BATCH:
                self._wait()

    def _wait(self) -> None:
        try:
            due = self._waiting.seconds_until_due(self._names)
            pause = SWEEP_SECONDS if due is None else min(due, SWEEP_SECONDS)
            if pause > 0:
                self._wake_ups.wait(pause)
        except StoreUnavailable:
            logger.info("store is away while waiting")

    def pump(self) -> int:
        """One round: claim, publish, remove. How many rows were claimed."""
        leased = self._waiting.claim(self._names, limit=BATCH, token=self._token)
        by_channel = sorted(leased, key=lambda row: row.delivery.channel)
        for name, rows in groupby(by_channel, key=lambda row: row.delivery.channel):
            self._hand_over(self._channels[name], list(rows))
        if not leased:
            self._waiting.drop_expired(limit=BATCH)
        return len(leased)

    def _hand_over(self, channel: MessageChannel, rows: list[Leased]) -> None:
        try:
            rows = self._leave_what_still_waits(channel, rows)
            if not rows:
                return
            outcomes = channel.publish([row.delivery for row in rows])
        except ChannelUnavailable as error:
            logger.warning("channel is away", extra={"channel": channel.name, "error": str(error)})
            self._put_back(rows)
            self._metrics.relayed(
                context=self._context, channel=channel.name, outcome="away", count=len(rows)
            )
            return
        self._settle(channel, rows, outcomes)

    def _leave_what_still_waits(self, channel: MessageChannel, rows: list[Leased]) -> list[Leased]:
        """Kept rows are handed over again only when the broker's queue is empty: they are lost."""
        kept = [row for row in rows if row.kept]
        if not kept or channel.depth() == 0:
            return rows
        self._waiting.keep(kept, seconds=KEEP_SECONDS)
        return [row for row in rows if not row.kept]

    def _settle(
        self,
        channel: MessageChannel,
        rows: Sequence[Leased],
        outcomes: Sequence[PublishOutcome],
    ) -> None:
        by_outcome: dict[PublishOutcome, list[Leased]] = {}
        for row, outcome in zip(rows, outcomes, strict=True):
            by_outcome.setdefault(outcome, []).append(row)
        for outcome, found in by_outcome.items():
            match outcome:
                case PublishOutcome.CONFIRMED:
                    self._waiting.remove(found)
                case PublishOutcome.UNCONFIRMED:
                    self._waiting.keep(found, seconds=KEEP_SECONDS)
                case PublishOutcome.RETURNED:
                    logger.warning("no queue takes the message", extra={"channel": channel.name})
                    self._put_back(found)
            self._metrics.relayed(
                context=self._context,
                channel=channel.name,
                outcome=outcome,
                count=len(found),
            )

    def _put_back(self, rows: Sequence[Leased]) -> None:
        """Each backs off by how often it failed."""
        by_delay: dict[float, list[Leased]] = {}
        for row in rows:
            delay = min(0.25 * 2 ** min(row.hand_overs, 10), LONGEST_BACK_OFF_SECONDS)
            by_delay.setdefault(delay, []).append(row)
        for delay, found in by_delay.items():
            self._waiting.put_back(found, delay_seconds=delay)
