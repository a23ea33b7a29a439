"""Rows that stay although they were handed over, because the broker is not trusted to keep them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from adapters.memory.channel import MemoryChannel
from app.messaging.relaying import KEEP_SECONDS
from app.testing.flow import Flow
from ports.inbound.delivery import RetryPolicy, asynchronous
from ports.inbound.handlers import command_handler, named
from ports.messages import Delivery
from ports.outbound.channels import ChannelDeclaration, ChannelKind, PublishOutcome

LETTERS = ChannelDeclaration(
    name="letters", kind=ChannelKind.IN_MEMORY, retry=RetryPolicy(instant=0, delayed=1)
)
LATER = timedelta(seconds=KEEP_SECONDS + 1)


@named("keeping.letter")
@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    number: int


class Postman:
    def __init__(self) -> None:
        self.letters: list[int] = []
        self.fails = False

    @command_handler(endpoint="postman.letter")
    @asynchronous("letters")
    def letter(self, command: Letter) -> None:
        if self.fails:
            raise OSError("the letter box is stuck")
        self.letters.append(command.number)


class ForgetfulChannel(MemoryChannel):
    """Confirms nothing, and may lose what it holds. ``held`` are messages in a consumer's hands."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.confirms = False
        self.held: list[Delivery] = []
        self.published = 0
        self.answers = True

    def publish(self, deliveries: Sequence[Delivery]) -> Sequence[PublishOutcome]:
        super().publish(deliveries)
        self.published += len(deliveries)
        return [PublishOutcome.UNCONFIRMED] * len(deliveries)

    def is_empty(self) -> bool | None:  # type: ignore[override]
        return super().is_empty() and not self.held if self.answers else None

    def hold(self) -> None:
        delivery = self.receive()
        assert delivery is not None
        self.held.append(delivery)

    def forget(self) -> None:
        while self.receive() is not None:
            pass
        self.held.clear()


class Post:
    def __init__(self) -> None:
        self.channel = ForgetfulChannel("testing.letters")
        self.postman = Postman()
        self.flow = Flow(
            handlers=[self.postman],
            channels=[LETTERS],
            network={self.channel.name: self.channel},
        )
        self.relay = self.flow.runtime.relay()

    def send(self, *numbers: int) -> None:
        for number in numbers:
            self.flow.send(Letter(number=number))

    def rows(self) -> bool:
        return bool(self.flow.waiting.kept([self.channel.name], seconds=0))

    def look(self) -> None:
        """Let the relay look after what is kept, and hand over what it released."""
        self.flow.advance(LATER)
        self.relay.pump()


@pytest.fixture
def post() -> Post:
    return Post()


def test_a_row_stays_until_its_delivery_has_an_outcome(post: Post) -> None:
    post.send(1)
    post.relay.pump()
    assert post.rows()

    post.flow.run("letters")

    assert post.postman.letters == [1]
    assert not post.rows()


def test_what_the_broker_lost_is_handed_over_again(post: Post) -> None:
    post.send(*range(250))
    post.flow.relay()
    post.channel.forget()

    post.look()
    post.flow.run_all()

    assert post.postman.letters == list(range(250))
    assert post.channel.published == 500
    assert not post.rows()


def test_what_is_still_in_the_queue_is_not_handed_over_again(post: Post) -> None:
    post.send(1, 2)
    post.flow.relay()

    for _ in range(5):
        post.look()

    assert post.channel.published == 2


def test_what_a_consumer_holds_is_not_handed_over_again_however_long_it_takes(post: Post) -> None:
    post.send(1)
    post.relay.pump()
    post.channel.hold()

    for _ in range(20):
        post.look()

    assert post.channel.published == 1


def test_nothing_is_handed_over_again_while_the_broker_does_not_answer(post: Post) -> None:
    post.send(1)
    post.relay.pump()
    post.channel.forget()
    post.channel.answers = False

    post.look()
    assert post.channel.published == 1

    post.channel.answers = True
    post.look()
    assert post.channel.published == 2


def test_a_retry_that_the_broker_lost_is_handed_over_again(post: Post) -> None:
    post.postman.fails = True
    post.send(1)
    post.relay.pump()
    post.flow.run("letters")
    post.flow.advance(timedelta(hours=1))
    post.relay.pump()
    post.channel.forget()
    post.postman.fails = False

    post.look()
    post.flow.run_all()

    assert post.postman.letters == [1]
    assert not post.rows()


def test_what_failed_for_good_is_kept_no_longer(post: Post) -> None:
    post.postman.fails = True
    post.send(1)
    post.flow.run_all()
    post.flow.advance(timedelta(hours=1))
    post.flow.run_all()

    assert len(post.flow.failed_messages()) == 1
    assert not post.rows()
    post.look()
    assert post.channel.depth() == 0


def test_a_broker_that_brings_back_old_messages_has_them_done_once(post: Post) -> None:
    post.send(1)
    post.relay.pump()
    copy = post.channel.receive()
    assert copy is not None
    post.channel.publish([copy])
    post.flow.run("letters")
    post.channel.publish([copy])

    post.flow.run("letters")
    post.look()
    post.flow.run_all()

    outcomes = [counted.outcome for counted in post.flow.metrics.deliveries]
    assert outcomes == ["done", "duplicate"]
    assert not post.rows()


def test_a_relay_that_starts_anew_finds_what_was_lost_while_it_was_stopped(post: Post) -> None:
    post.send(1)
    post.relay.pump()
    post.channel.forget()
    post.flow.advance(LATER)

    post.flow.runtime.relay().pump()

    assert post.channel.depth() == 1
