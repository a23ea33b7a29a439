"""Spans of the relay's hand-over: where a delivery waited, and how long publishing it took.

The span stands between sending and receiving: a child of the one, the parent of the other. What
passes between it and the receiver is the wait in the broker.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.messaging.dispatching import message_attributes
from ports.messages import Delivery
from ports.outbound.channels import PublishOutcome
from ports.outbound.message_table import Leased
from ports.outbound.telemetry import Span, SpanKind, SpanValue, Tracer
from ports.outbound.time import Clock

WAITED_MS = "message_table.waited_ms"
DELAYED_MS = "message_table.delayed_ms"  # of the wait, what was asked for: a delay, a retry's pause
HAND_OVERS = "message_table.hand_overs"  # earlier ones, which failed

# Of a larger batch every so manieth row gets a span: a backlog is worked off at nearly full speed.
MOST_SPANS = 20


def delivery_attributes(delivery: Delivery) -> dict[str, SpanValue]:
    attributes = message_attributes(delivery.envelope)
    attributes["channel"] = delivery.channel
    attributes["endpoint"] = delivery.endpoint
    attributes["attempt"] = delivery.attempt
    return attributes


def waiting_attributes(leased: Leased, now: datetime) -> dict[str, SpanValue]:
    """How long the row lay in the message table, as far as the two clocks agree."""
    attributes: dict[str, SpanValue] = {WAITED_MS: _ms(now - leased.added_at)}
    due = leased.delivery.available_at
    if due is not None and due > leased.added_at:
        attributes[DELAYED_MS] = _ms(due - leased.added_at)
    if leased.hand_overs:
        attributes[HAND_OVERS] = leased.hand_overs
    return attributes


def _ms(passed: timedelta) -> float:
    return max(0.0, passed / timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True)
class HandOver:
    deliveries: Sequence[Delivery]  # as they are to be published
    spans: Mapping[int, Span]  # by place in ``deliveries``

    def note(self, outcomes: Sequence[PublishOutcome]) -> None:
        for place, span in self.spans.items():
            span.set("outcome", outcomes[place])


class HandOverSpans:
    def __init__(self, tracer: Tracer, clock: Clock) -> None:
        self._tracer = tracer
        self._clock = clock

    @contextmanager
    def around(self, channel: str, rows: Sequence[Leased]) -> Iterator[HandOver]:
        """A span for each row, or for at most :data:`MOST_SPANS` of them, all as long as the batch
        takes: its messages are confirmed together. An error fails them all."""
        deliveries = [row.delivery for row in rows]
        if not self._tracer.recording:
            yield HandOver(deliveries, {})
            return
        name, now = f"hand over {channel}", self._clock.now()
        spans: dict[int, Span] = {}
        with ExitStack() as opened:
            for place in range(0, len(rows), -(-len(rows) // MOST_SPANS)):
                spans[place] = span = opened.enter_context(self._span(name, rows[place], now))
                deliveries[place] = replace(deliveries[place], hand_over_trace=span.trace)
            yield HandOver(deliveries, spans)

    def _span(self, name: str, row: Leased, now: datetime) -> AbstractContextManager[Span]:
        delivery = row.delivery
        return self._tracer.span(
            name,
            kind=SpanKind.PRODUCER,
            parent=delivery.envelope.metadata.trace,
            attributes={
                "message.id": delivery.envelope.metadata.id,
                "channel": delivery.channel,
                "endpoint": delivery.endpoint,
                "attempt": delivery.attempt,
                **waiting_attributes(row, now),
            },
        )
