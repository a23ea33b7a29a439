"""Spans of the relay's hand-over."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from adapters.memory.channel import MemoryChannel
from adapters.memory.telemetry import RecordedSpan, RecordingTracer
from adapters.memory.time import VirtualClock
from app.messaging.handing_over import DELAYED_MS, MOST_SPANS, WAITED_MS
from app.testing.flow import Flow
from ports.errors import ChannelUnavailable
from ports.inbound.delivery import RetryPolicy, asynchronous, retried
from ports.inbound.handlers import event_handler, named
from ports.outbound.channels import PublishOutcome
from ports.outbound.telemetry import SpanKind
from tests.messaging.test_relaying import ScriptedChannel

HAND_OVER = "hand over testing.letters"
SENDING = "Sending to channel: testing.letters"
RECEIVING = "Receiving from channel: testing.letters"


@named("handing_over.letter")
@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    number: int


class Postman:
    def __init__(self) -> None:
        self.ill = False
        self.delivered: list[int] = []

    @event_handler(endpoint="postman.deliver")
    @asynchronous("letters")
    @retried(RetryPolicy(instant=0, delayed=1, first_delay=timedelta(seconds=4)))
    def deliver(self, event: Letter) -> None:
        if self.ill:
            raise RuntimeError("in bed")
        self.delivered.append(event.number)


class Post:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.tracer = RecordingTracer()
        self.postman = Postman()
        self.letters = ScriptedChannel("testing.letters")
        self.flow = Flow(
            handlers=[self.postman],
            channels=["letters"],
            network={"testing.letters": self.letters},
            clock=self.clock,
            tracer=self.tracer,
        )
        self.relay = self.flow.runtime.relay()

    def send(self, count: int = 1) -> None:
        def publish(_: object) -> None:
            for number in range(count):
                self.flow.publish(Letter(number=number))

        self.flow.runtime.transactions.once(publish)

    def one(self, name: str) -> RecordedSpan:
        [found] = self.tracer.named(name)
        return found


@pytest.fixture
def post() -> Post:
    return Post()


def test_the_hand_over_stands_between_sending_and_receiving(post: Post) -> None:
    post.send()
    post.clock.advance(timedelta(milliseconds=250))

    post.relay.pump()
    post.flow.run("letters")

    sending, hand_over, receiving = (post.one(n) for n in (SENDING, HAND_OVER, RECEIVING))
    assert hand_over.kind is SpanKind.PRODUCER
    assert (hand_over.parent, receiving.parent) == (sending.trace, hand_over.trace)
    assert hand_over.attributes[WAITED_MS] == 250
    assert hand_over.attributes["outcome"] == PublishOutcome.CONFIRMED
    assert DELAYED_MS not in hand_over.attributes


def test_what_a_retry_was_made_to_wait_is_said_apart(post: Post) -> None:
    post.postman.ill = True
    post.send()
    post.relay.pump()
    post.flow.run("letters")

    post.clock.advance(timedelta(seconds=5))
    post.relay.pump()

    first, second = post.tracer.named(HAND_OVER)
    assert first.parent == second.parent
    assert (second.attributes["attempt"], second.attributes[WAITED_MS]) == (2, 5_000)
    assert second.attributes[DELAYED_MS] == 4_000


def test_a_channel_that_is_away_fails_the_hand_over(post: Post) -> None:
    post.letters.error = ChannelUnavailable("testing.letters", "connection refused")
    post.send()

    post.relay.pump()

    assert isinstance(post.one(HAND_OVER).error, ChannelUnavailable)


def test_of_a_backlog_some_are_traced_and_all_are_handed_over(post: Post) -> None:
    post.send(100)

    post.relay.pump()
    post.flow.run("letters")

    assert len(post.tracer.named(HAND_OVER)) == MOST_SPANS
    assert len(post.postman.delivered) == 100
    assert len({span.trace_id for span in post.tracer.named(RECEIVING)}) == len(
        {span.trace_id for span in post.tracer.named(SENDING)}
    )


def test_nothing_is_added_where_nothing_records() -> None:
    letters = MemoryChannel("testing.letters")
    postman = Postman()
    flow = Flow(handlers=[postman], channels=["letters"], network={letters.name: letters})
    flow.publish(Letter(number=1))

    flow.runtime.relay().pump()

    assert letters.depth() == 1
