"""The relay among channels of which some are away, refuse, or have much to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

import pytest

from adapters.memory.channel import MemoryChannel
from adapters.memory.time import VirtualClock
from app.messaging import relaying
from app.messaging.backing_off import back_off
from app.messaging.failing import CannotReplay
from app.testing.flow import Flow
from ports.errors import ChannelUnavailable, Refusal
from ports.inbound.delivery import asynchronous
from ports.inbound.handlers import command_handler, event_handler, named
from ports.messages import Delivery
from ports.outbound.channels import ChannelDeclaration, ChannelKind, PublishOutcome
from tests.messaging.faulty import away, faulty_storage


@named("relaying.letter")
@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    number: int


@named("relaying.parcel")
@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    number: int


_MORE_THAN_A_BATCH = relaying.BATCH * 3 // 2


class ScriptedChannel(MemoryChannel):
    """Does what it is told instead of publishing."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.error: Exception | None = None
        self.outcome = PublishOutcome.CONFIRMED
        self.calls: list[int] = []

    def publish(self, deliveries: Sequence[Delivery]) -> Sequence[PublishOutcome]:
        self.calls.append(len(deliveries))
        if self.error is not None:
            raise self.error
        if self.outcome is PublishOutcome.CONFIRMED:
            return super().publish(deliveries)
        return [self.outcome] * len(deliveries)


class Postmen:
    def __init__(self) -> None:
        self.letters: list[int] = []
        self.parcels: list[int] = []

    @event_handler(endpoint="postmen.letter")
    @asynchronous("letters")
    def letter(self, event: Letter) -> None:
        self.letters.append(event.number)

    @command_handler(endpoint="postmen.parcel")
    @asynchronous("parcels")
    def parcel(self, command: Parcel) -> None:
        self.parcels.append(command.number)


class Post:
    def __init__(self) -> None:
        self.letters = ScriptedChannel("testing.letters")
        self.parcels = ScriptedChannel("testing.parcels")
        clock = VirtualClock()
        self.store, storage = faulty_storage(clock)
        self.waiting = storage.waiting
        self.postmen = Postmen()
        self.flow = Flow(
            handlers=[self.postmen],
            channels=["letters", "parcels"],
            network={one.name: one for one in (self.letters, self.parcels)},
            clock=clock,
            storage=storage,
        )
        self.relay = self.flow.runtime.relay()

    def send_letters(self, count: int) -> None:
        def send(_: object) -> None:
            for number in range(count):
                self.flow.publish(Letter(number=number))

        self.flow.runtime.transactions.once(send)


@pytest.fixture
def post() -> Post:
    return Post()


def test_a_dead_channel_with_a_long_backlog_keeps_nobody_waiting(post: Post) -> None:
    post.letters.error = ChannelUnavailable("testing.letters", "connection refused")
    post.send_letters(_MORE_THAN_A_BATCH)
    post.flow.send(Parcel(number=1))

    post.relay.pump()
    post.relay.pump()

    assert post.parcels.depth() == 1
    assert len(post.letters.calls) == 1


def test_a_busy_channel_keeps_nobody_waiting(post: Post) -> None:
    post.send_letters(_MORE_THAN_A_BATCH)
    post.flow.send(Parcel(number=1))

    post.relay.pump()
    post.relay.pump()

    assert post.parcels.depth() == 1


def test_a_backlog_leaves_completely_and_in_order(post: Post) -> None:
    post.send_letters(_MORE_THAN_A_BATCH)
    post.flow.send(Parcel(number=1))

    post.flow.run_all()

    assert post.postmen.letters == list(range(_MORE_THAN_A_BATCH))
    assert post.postmen.parcels == [1]


def test_a_dead_channel_is_tried_again_after_ever_longer_pauses(post: Post) -> None:
    post.letters.error = ChannelUnavailable("testing.letters", "connection refused")
    post.send_letters(1)

    for _ in range(12):
        post.relay.pump()
        post.flow.advance(timedelta(seconds=0.25))

    assert 2 <= len(post.letters.calls) <= 5


def test_a_channel_that_is_back_gets_everything(post: Post) -> None:
    post.letters.error = ChannelUnavailable("testing.letters", "connection refused")
    post.send_letters(_MORE_THAN_A_BATCH)
    for _ in range(5):
        post.relay.pump()
        post.flow.advance(timedelta(seconds=1))

    post.letters.error = None
    for _ in range(20):
        post.flow.advance(timedelta(seconds=6))
        post.flow.run_all()

    assert sorted(post.postmen.letters) == list(range(_MORE_THAN_A_BATCH))


def test_an_error_that_nobody_foresaw_stops_its_own_channel_only(post: Post) -> None:
    post.letters.error = ZeroDivisionError()
    post.send_letters(1)
    post.flow.send(Parcel(number=1))

    post.relay.pump()

    assert post.parcels.depth() == 1
    post.letters.error = None
    post.flow.advance(timedelta(seconds=1))
    post.flow.run_all()
    assert post.postmen.letters == [0]


def test_what_a_channel_can_never_carry_becomes_a_failed_message(post: Post) -> None:
    post.letters.outcome = PublishOutcome.REFUSED
    post.send_letters(1)

    post.flow.relay()
    post.flow.advance(timedelta(hours=1))
    post.flow.relay()

    [failed] = post.flow.failed_messages()
    assert failed.failure.exception == "ports.errors.ChannelRefused"
    assert post.letters.calls == [1]


def test_what_was_refused_can_be_replayed_once_the_cause_is_mended(post: Post) -> None:
    post.letters.outcome = PublishOutcome.REFUSED
    post.send_letters(1)
    post.flow.relay()
    [failed] = post.flow.failed_messages()

    post.letters.outcome = PublishOutcome.CONFIRMED
    post.flow.runtime.failed_messages.replay(failed.id, actor="olga")
    post.flow.run_all()

    assert post.postmen.letters == [0]
    assert post.flow.failed_messages() == []


def test_a_message_that_no_queue_takes_waits(post: Post) -> None:
    post.letters.outcome = PublishOutcome.RETURNED
    post.send_letters(1)
    post.flow.relay()

    post.letters.outcome = PublishOutcome.CONFIRMED
    post.flow.advance(timedelta(seconds=6))
    post.flow.run_all()

    assert post.postmen.letters == [0]


def test_what_was_published_but_not_removed_is_handed_over_again_and_absorbed(
    post: Post,
) -> None:
    post.send_letters(1)
    [leased] = post.waiting.claim(["testing.letters"], limit=1, token="killed")
    post.letters.publish([leased.delivery])
    post.flow.advance(timedelta(minutes=5))

    post.flow.run_all()

    assert post.letters.calls == [1, 1]
    outcomes = [counted.outcome for counted in post.flow.metrics.deliveries]
    assert outcomes == ["done", "duplicate"]


def test_a_relay_outlives_a_store_that_is_away_and_one_that_gives_it_up(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "LONGEST_BACK_OFF_SECONDS", 0.01)
    post.send_letters(1)
    stop = Event()
    troubles = [away] * 3

    def wake(_: object) -> None:
        if troubles:
            troubles.pop()
            with post.store.failing(away):
                post.flow.runtime.transactions.once(lambda unit: unit.messages)
        stop.set()

    monkeypatch.setattr(post.flow.runtime.projections, "wake", wake)

    post.relay.run(stop)

    assert troubles == []
    assert post.letters.depth() == 1


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.2), (2, 0.4), (5, 3.2), (6, 5), (10**6, 5)]
)
def test_pauses_double_up_to_a_limit(failures: int, seconds: float) -> None:
    assert back_off(failures, first=0.2, longest=5.0) == pytest.approx(seconds)


class Switched:
    """As in the next release: the handler has moved to another channel."""

    def __init__(self) -> None:
        self.letters: list[int] = []

    @event_handler(endpoint="postmen.letter")
    @asynchronous("express")
    def letter(self, event: Letter) -> None:
        self.letters.append(event.number)
        raise ValueError("wet paper")


def test_a_replay_goes_where_its_handler_is_now() -> None:
    clock = VirtualClock()
    _, storage = faulty_storage(clock)
    switched = Switched()
    before = Flow(handlers=[RefusingPostman()], channels=["letters"], clock=clock, storage=storage)
    before.publish(Letter(number=7))
    before.run("letters")
    [failed] = before.failed_messages()
    after = Flow(
        handlers=[switched],
        channels=[ChannelDeclaration(name="express", kind=ChannelKind.DATABASE)],
        clock=clock,
        storage=storage,
    )

    after.runtime.failed_messages.replay(failed.id, actor="olga")
    after.run("express")

    assert switched.letters[0] == 7


class RefusingPostman:
    @event_handler(endpoint="postmen.letter")
    @asynchronous("letters")
    def letter(self, event: Letter) -> None:
        raise Refusal("no such street")


def test_a_replay_to_a_channel_that_is_gone_is_refused_and_nothing_is_lost() -> None:
    clock = VirtualClock()
    _, storage = faulty_storage(clock)
    before = Flow(handlers=[RefusingPostman()], channels=["letters"], clock=clock, storage=storage)
    before.publish(Letter(number=7))
    before.run("letters")
    [failed] = before.failed_messages()
    after = Flow(clock=clock, storage=storage)

    with pytest.raises(CannotReplay, match=r"nobody takes messages from testing\.letters"):
        after.runtime.failed_messages.replay(failed.id, actor="olga")

    assert [found.id for found in after.failed_messages()] == [failed.id]
