"""From the message table to the channels, and waking projections.

The relay claims due rows by lease, publishes them outside any transaction, and removes those that
were confirmed. Killed anywhere in between, the rows are handed over again, and the delivery rows of
the receivers absorb what arrives twice.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from threading import Event
from time import perf_counter

from app.messaging.backing_off import back_off
from app.messaging.failing import Failing
from app.messaging.handing_over import HandOverSpans
from app.messaging.projecting import Projections
from ports.errors import (
    ChannelRefused,
    ChannelUnavailable,
    ConcurrencyConflict,
    StoreUnavailable,
)
from ports.inbound.delivery import RetryPolicy
from ports.outbound.channels import MessageChannel, PublishOutcome
from ports.outbound.message_table import Leased, WaitingDeliveries
from ports.outbound.metrics import Metrics
from ports.outbound.telemetry import Tracer
from ports.outbound.time import Clock
from ports.outbound.wakeups import WakeUps

logger = logging.getLogger(__name__)

BATCH = 500
SWEEP_SECONDS = 1.0
# Rows that stay although they were handed over are looked after so often, when they are so old.
KEEP_SECONDS = 15.0
# What was handed over just before the broker was asked is left to the next look.
_MARGIN_SECONDS = 1.0
_AT_ONCE = 1000
LONGEST_BACK_OFF_SECONDS = 5.0
_LONGEST_BACK_OFF = timedelta(seconds=LONGEST_BACK_OFF_SECONDS)


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
        failing: Failing,
        clock: Clock,
        tracer: Tracer,
    ) -> None:
        self._context = context
        self._token = token
        self._waiting = waiting
        self._channels = channels
        self._clock = clock
        self._away = _Away(clock)
        self._looked_at: datetime | None = None
        self._hand_over_spans = HandOverSpans(tracer, clock)
        # Those that filled the last claim: the others come first then.
        self._served: set[str] = set()
        self._projections = projections
        self._wake_ups = wake_ups
        self._metrics = metrics
        self._failing = failing

    def run(self, stop: Event) -> None:
        """Until ``stop`` is set, which is noticed at the latest after a second."""
        failures = 0
        while not stop.is_set():
            try:
                handed_over = self.pump()
                self._projections.wake(self._channels)
                failures = 0
            except (StoreUnavailable, ConcurrencyConflict) as error:
                failures += 1
                pause = back_off(failures, first=0.2, longest=LONGEST_BACK_OFF_SECONDS)
                logger.warning("relay waits", extra={"why": str(error), "seconds": pause})
                stop.wait(pause)
                continue
            if handed_over < BATCH:
                self._wait()

    def _wait(self) -> None:
        try:
            due = self._waiting.seconds_until_due(self._reachable())
            pause = min(
                SWEEP_SECONDS if due is None else due, SWEEP_SECONDS, self._away.longest_wait()
            )
            if pause > 0:
                self._wake_ups.wait(pause)
        except StoreUnavailable:
            logger.info("store is away while waiting")

    def pump(self) -> int:
        """One round: claim, publish, remove. How many rows were claimed."""
        self._look_after_kept()
        leased = self._claim()
        by_channel = sorted(leased, key=lambda row: row.delivery.channel)
        for name, rows in groupby(by_channel, key=lambda row: row.delivery.channel):
            self._hand_over(self._channels[name], list(rows))
        if not leased:
            self._waiting.drop_expired(limit=BATCH)
        return len(leased)

    def _claim(self) -> Sequence[Leased]:
        """A channel with a long backlog, or a dead one, must not keep the others waiting."""
        reachable = self._reachable()
        leased: Sequence[Leased] = ()
        unserved = [name for name in reachable if name not in self._served]
        if self._served and unserved:
            leased = self._waiting.claim(unserved, limit=BATCH, token=self._token)
        if not leased:
            leased = self._waiting.claim(reachable, limit=BATCH, token=self._token)
        full = len(leased) == BATCH
        self._served = {row.delivery.channel for row in leased} if full else set()
        return leased

    def _reachable(self) -> Sequence[str]:
        return [name for name in self._channels if name not in self._away]

    def _look_after_kept(self) -> None:
        """A broker that is not trusted may lose what it was given. It did when it holds nothing at
        all any more while rows are kept that it was given before."""
        now = self._clock.now()
        since = None if self._looked_at is None else (now - self._looked_at).total_seconds()
        if since is not None and 0 <= since < KEEP_SECONDS:
            return
        self._looked_at = now
        for name in self._waiting.kept(self._reachable(), seconds=KEEP_SECONDS):
            self._waiting.drop_recorded(name, seconds=KEEP_SECONDS, limit=_AT_ONCE)
            asked_at = perf_counter()
            if self._channels[name].is_empty():
                self._release(name, asked_at)

    def _release(self, channel: str, asked_at: float) -> None:
        released = 0
        while True:
            seconds = perf_counter() - asked_at + _MARGIN_SECONDS
            count = self._waiting.release(channel, seconds=seconds, limit=_AT_ONCE)
            released += count
            if count < _AT_ONCE:
                break
        if released:
            logger.warning(
                "messages that the broker lost leave again",
                extra={"channel": channel, "count": released},
            )

    def _hand_over(self, channel: MessageChannel, rows: list[Leased]) -> None:
        try:
            with self._hand_over_spans.around(channel.name, rows) as hand_over:
                outcomes = channel.publish(hand_over.deliveries)
                hand_over.note(outcomes)
        except StoreUnavailable:
            raise
        except Exception as error:
            known = isinstance(error, ChannelUnavailable)
            logger.warning(
                "channel is away",
                extra={"channel": channel.name, "error": str(error)},
                exc_info=not known,
            )
            self._away.note(channel.name)
            self._put_back(rows)
            self._metrics.relayed(
                context=self._context, channel=channel.name, outcome="away", count=len(rows)
            )
            return
        self._away.forget(channel.name)
        self._settle(channel, rows, outcomes)

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
                    self._waiting.keep(found)
                case PublishOutcome.RETURNED:
                    logger.warning("no queue takes the message", extra={"channel": channel.name})
                    self._put_back(found)
                case PublishOutcome.REFUSED:
                    for row in found:
                        self._refuse(row)
            self._metrics.relayed(
                context=self._context,
                channel=channel.name,
                outcome=outcome,
                count=len(found),
            )

    def _refuse(self, row: Leased) -> None:
        """Trying again would give the same answer for ever."""
        error = ChannelRefused(row.delivery.channel)
        self._failing.fail(row.delivery, error, RetryPolicy(), leased=row)

    def _put_back(self, rows: Sequence[Leased]) -> None:
        """Each backs off by how often it failed."""
        by_delay: dict[float, list[Leased]] = {}
        for row in rows:
            delay = back_off(row.hand_overs + 1, first=0.25, longest=LONGEST_BACK_OFF_SECONDS)
            by_delay.setdefault(delay, []).append(row)
        for delay, found in by_delay.items():
            self._waiting.put_back(found, delay_seconds=delay)


class _Away:
    """Channels that could not be reached, each left alone for a while."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._failures: dict[str, int] = {}
        self._until: dict[str, datetime] = {}

    def note(self, name: str) -> None:
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        pause = back_off(failures, first=0.25, longest=LONGEST_BACK_OFF_SECONDS)
        self._until[name] = self._now() + timedelta(seconds=pause)

    def forget(self, name: str) -> None:
        self._failures.pop(name, None)
        self._until.pop(name, None)

    def __contains__(self, name: str) -> bool:
        until = self._until.get(name)
        # A clock that was set back must not keep it away for longer.
        return until is not None and timedelta(0) < until - self._now() <= _LONGEST_BACK_OFF

    def longest_wait(self) -> float:
        """Seconds until one of them may be tried again."""
        left = ((until - self._now()).total_seconds() for until in self._until.values())
        return min((seconds for seconds in left if seconds > 0), default=LONGEST_BACK_OFF_SECONDS)
