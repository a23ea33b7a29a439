"""Killed before, killed after, done twice: what a delivery ends as when the store fails with it."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from adapters.memory.time import VirtualClock
from app.testing.flow import Flow
from ports.errors import (
    CommitOutcomeUnknown,
    ConcurrencyConflict,
    DeliveryTimedOut,
    NoSuchFailedMessage,
    StoreUnavailable,
)
from ports.inbound.buses import CommandBus
from ports.inbound.delivery import RetryPolicy, asynchronous, expiring, outside, retried
from ports.inbound.handlers import event_handler, named
from ports.messages import Delivery
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from ports.outbound.deliveries import DeliveryState
from tests.messaging.faulty import FaultyStore, answer_lost, away, faulty_storage, fine
from tests.messaging.shelves import Hire, Keeper, KeeperWasPraised, Praise, PraisesOf


@named("recovering.sun_rose")
@dataclass(frozen=True, slots=True, kw_only=True)
class SunRose:
    day: int = 1


class OutOfBed(Exception):
    pass


class Early:
    """Praises Kim at sunrise, unless told to raise."""

    def __init__(self) -> None:
        self.tries = 0
        self.raises: list[Exception] = []
        self.meanwhile = lambda: None

    @event_handler(endpoint="early.praise")
    @asynchronous("morning")
    @retried(RetryPolicy(instant=1, delayed=1, first_delay=timedelta(seconds=10)))
    def praise(self, event: SunRose, commands: CommandBus) -> None:
        self.tries += 1
        self.meanwhile()
        commands.send(Praise(keeper_id="kim"))
        if self.raises:
            raise self.raises.pop(0)


class Late:
    """Reaches outside."""

    def __init__(self) -> None:
        self.calls = 0

    @event_handler(endpoint="late.call")
    @asynchronous("evening")
    @outside()
    def call(self, event: SunRose) -> KeeperWasPraised:
        self.calls += 1
        return KeeperWasPraised(keeper_id="kim", praises=event.day)


class Perishable:
    def __init__(self) -> None:
        self.tries = 0
        self.ruined = True

    @event_handler(endpoint="perishable.eat")
    @asynchronous("breakfast")
    @expiring(after=timedelta(seconds=5))
    @retried(RetryPolicy(instant=0, delayed=1, first_delay=timedelta(seconds=30)))
    def eat(self, event: SunRose) -> None:
        self.tries += 1
        if self.ruined:
            raise OutOfBed("toast burnt")


class Narrow:
    """Retries nothing but one error."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error
        self.tries = 0

    @event_handler(endpoint="narrow.go")
    @asynchronous("morning")
    @retried(RetryPolicy(instant=0, delayed=1, only=(OutOfBed,)))
    def go(self, event: SunRose) -> None:
        self.tries += 1
        error, self.error = self.error, None
        if error is not None:
            raise error


class Morning:
    def __init__(self, *handlers: object, kind: ChannelKind = ChannelKind.IN_MEMORY) -> None:
        clock = VirtualClock()
        self.store: FaultyStore
        self.store, storage = faulty_storage(clock)
        self.early, self.late, self.perishable = Early(), Late(), Perishable()
        self.flow = Flow(
            aggregates=[Keeper],
            handlers=[self.early, self.late, self.perishable, *handlers],
            channels=[ChannelDeclaration(name="morning", kind=kind), "evening", "breakfast"],
            clock=clock,
            storage=storage,
        )
        self.flow.send(Hire(keeper_id="kim"))

    def delivery(self, channel: str = "morning") -> Delivery:
        self.flow.publish(SunRose())
        delivery = self.flow.take(channel)
        assert delivery is not None
        return delivery

    def praises(self) -> int:
        praises: int = self.flow.ask(PraisesOf(keeper_id="kim"))
        return praises

    def state(self, delivery: Delivery) -> DeliveryState | None:
        record = self.flow.runtime.transactions.once(
            lambda unit: unit.deliveries.find(delivery.envelope.metadata.id, delivery.endpoint)
        )
        return record.state if record else None


@pytest.fixture
def morning() -> Morning:
    return Morning()


def test_while_the_store_is_away_a_message_goes_back_and_is_handled_later(
    morning: Morning,
) -> None:
    delivery = morning.delivery()

    with morning.store.failing(away), pytest.raises(StoreUnavailable):
        morning.flow.runtime.receive(delivery)
    morning.flow.runtime.receive(delivery, 1)

    assert morning.praises() == 1
    assert morning.flow.failed_messages() == []


def test_a_handler_that_finds_another_store_away_is_retried_later(morning: Morning) -> None:
    morning.early.raises = [StoreUnavailable("the accounts are elsewhere")]
    morning.flow.publish(SunRose())
    morning.flow.run("morning")
    tries = morning.early.tries

    morning.flow.advance(timedelta(seconds=11))
    morning.flow.run("morning")

    assert tries == 1
    assert morning.praises() == 1


def test_a_handler_that_finds_its_own_store_away_sends_the_message_back(morning: Morning) -> None:
    delivery = morning.delivery()
    morning.early.raises = [StoreUnavailable("the database does not answer")]

    with morning.store.failing(away), pytest.raises(StoreUnavailable):
        morning.flow.runtime.receive(delivery)
    morning.flow.runtime.receive(delivery, 1)

    assert morning.praises() == 1
    assert morning.flow.failed_messages() == []


def test_a_failure_that_could_not_be_recorded_sends_the_message_back(morning: Morning) -> None:
    delivery = morning.delivery()
    morning.early.raises = [OutOfBed(), OutOfBed()]

    with morning.store.failing(away), pytest.raises(StoreUnavailable):
        morning.flow.runtime.receive(delivery)
    morning.flow.runtime.receive(delivery, 1)

    assert morning.praises() == 1
    assert morning.state(delivery) is DeliveryState.DONE


def test_a_commit_whose_answer_was_lost_is_no_failure_and_happens_once(morning: Morning) -> None:
    delivery = morning.delivery()

    with morning.store.failing(answer_lost), pytest.raises(StoreUnavailable):
        morning.flow.runtime.receive(delivery)
    morning.flow.runtime.receive(delivery, 1)

    assert morning.praises() == 1
    assert morning.early.tries == 1
    assert morning.state(delivery) is DeliveryState.DONE


def test_a_lost_answer_is_noticed_even_when_nobody_says_that_it_is_a_repetition(
    morning: Morning,
) -> None:
    delivery = morning.delivery()

    with morning.store.failing(answer_lost), pytest.raises(StoreUnavailable):
        morning.flow.runtime.receive(delivery)
    morning.flow.runtime.receive(delivery)

    assert morning.praises() == 1


def test_a_command_whose_answer_was_lost_is_not_sent_again_behind_the_callers_back(
    morning: Morning,
) -> None:
    with morning.store.failing(answer_lost), pytest.raises(CommitOutcomeUnknown):
        morning.flow.send(Praise(keeper_id="kim"))

    assert morning.praises() == 1


def test_a_failure_whose_answer_was_lost_is_retried_once(morning: Morning) -> None:
    delivery = morning.delivery()
    morning.early.raises = [OutOfBed(), OutOfBed()]

    with morning.store.failing(answer_lost), pytest.raises(StoreUnavailable):
        morning.flow.runtime.receive(delivery)
    morning.flow.runtime.receive(delivery, 1)
    morning.flow.advance(timedelta(seconds=11))
    handled = morning.flow.run("morning")

    assert handled == 1
    assert morning.praises() == 1


def test_what_an_outside_handler_did_is_not_done_again_after_a_lost_answer(
    morning: Morning,
) -> None:
    delivery = morning.delivery("evening")

    with morning.store.failing(fine, answer_lost), pytest.raises(StoreUnavailable):
        morning.flow.runtime.receive(delivery)
    morning.flow.runtime.receive(delivery, 1)

    assert morning.late.calls == 1
    assert len(morning.flow.published(KeeperWasPraised)) == 1


def test_an_outside_handler_whose_outcome_was_not_recorded_is_called_again(
    morning: Morning,
) -> None:
    delivery = morning.delivery("evening")

    with morning.store.failing(fine, away), pytest.raises(StoreUnavailable):
        morning.flow.runtime.receive(delivery)
    morning.flow.runtime.receive(delivery, 1)

    assert morning.late.calls == 2
    assert morning.state(delivery) is DeliveryState.DONE


def test_a_conflict_while_recording_a_failure_is_tried_again(morning: Morning) -> None:
    delivery = morning.delivery()
    morning.early.raises = [OutOfBed(), OutOfBed()]

    def deadlock(unit: object, commit: object) -> None:
        morning.store.current().rollback()  # type: ignore[union-attr]
        raise ConcurrencyConflict("", "", 0)

    with morning.store.failing(deadlock, deadlock):
        morning.flow.runtime.receive(delivery)

    morning.flow.advance(timedelta(seconds=11))
    morning.flow.run("morning")
    assert morning.praises() == 1


def test_a_delivery_that_was_given_up_beats_the_handler_that_ends_after_all(
    morning: Morning,
) -> None:
    delivery = morning.delivery()
    consumer = morning.flow.runtime.consumer
    outcomes: list[str] = []

    def watchdog() -> None:
        morning.early.meanwhile = lambda: None
        error = DeliveryTimedOut(delivery.endpoint, 1)
        outcomes.append(consumer.give_up(delivery, error))

    morning.early.meanwhile = watchdog
    outcomes.append(consumer.receive(delivery))

    assert outcomes == ["retried", "duplicate"]
    assert morning.praises() == 0
    morning.flow.advance(timedelta(seconds=11))
    morning.flow.run("morning")
    assert morning.praises() == 1


def test_a_delivery_that_is_done_cannot_be_given_up(morning: Morning) -> None:
    delivery = morning.delivery()
    consumer = morning.flow.runtime.consumer
    consumer.receive(delivery)

    outcome = consumer.give_up(delivery, DeliveryTimedOut(delivery.endpoint, 1))

    assert outcome == "duplicate"
    assert morning.flow.run("morning") == 0


def test_a_stale_copy_on_its_way_changes_nothing_after_a_replay(morning: Morning) -> None:
    stale = morning.delivery()
    consumer = morning.flow.runtime.consumer
    consumer.give_up(stale, NoSuchFailedMessage("revoked"))
    morning.flow.advance(timedelta(seconds=11))
    second = morning.flow.take("morning")
    assert second is not None
    assert consumer.give_up(second, NoSuchFailedMessage("revoked")) == "failed"
    [failed] = morning.flow.failed_messages()
    morning.flow.runtime.failed_messages.replay(failed.id, actor="olga")

    outcomes = [consumer.receive(stale, 1), consumer.receive(second), consumer.receive(second, 1)]
    morning.flow.run("morning")

    assert outcomes == ["duplicate", "duplicate", "duplicate"]
    assert morning.praises() == 1


def test_a_retry_does_not_expire_so_that_its_failure_is_seen(morning: Morning) -> None:
    morning.flow.publish(SunRose())
    morning.flow.run("breakfast")

    morning.flow.advance(timedelta(seconds=31))
    morning.flow.run("breakfast")

    assert morning.perishable.tries == 2
    [failed] = morning.flow.failed_messages()
    assert failed.failure.reason == "toast burnt"


def test_what_was_not_handled_in_time_is_dropped(morning: Morning) -> None:
    delivery = morning.delivery("breakfast")
    morning.flow.advance(timedelta(seconds=6))

    morning.flow.runtime.receive(delivery)

    assert morning.perishable.tries == 0
    assert morning.flow.failed_messages() == []


def test_a_conflict_is_retried_whatever_the_policy_narrows_retries_down_to() -> None:
    narrow = Narrow(ConcurrencyConflict("keeper", "kim", 1))
    morning = Morning(narrow)
    morning.flow.publish(SunRose())

    morning.flow.run("morning")

    assert narrow.tries == 2
    assert morning.flow.failed_messages() == []


def test_an_error_that_the_policy_leaves_out_is_not_retried() -> None:
    narrow = Narrow(ValueError("no use"))
    morning = Morning(narrow)
    morning.flow.publish(SunRose())

    morning.flow.run("morning")

    assert narrow.tries == 1
    assert [failed.endpoint for failed in morning.flow.failed_messages()] == ["narrow.go"]


def test_an_error_that_cannot_be_put_into_words_is_kept_all_the_same() -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    morning = Morning(Narrow(Unspeakable()))
    morning.flow.publish(SunRose())

    morning.flow.run("morning")

    [failed] = morning.flow.failed_messages()
    assert "Unspeakable" in failed.failure.exception
    assert failed.failure.reason == "its text cannot be read: RuntimeError"


@pytest.mark.parametrize(
    ("policy", "retry", "seconds"),
    [
        (RetryPolicy(), 1, 1),
        (RetryPolicy(), 3, 100),
        (RetryPolicy(), 10_000, 3600),
        (RetryPolicy(first_delay=timedelta(0)), 10_000, 0),
        (RetryPolicy(first_delay=timedelta(hours=1), longest_delay=timedelta(days=9)), 9, 777_600),
        (RetryPolicy(factor=1), 10_000, 1),
    ],
)
def test_pauses_grow_up_to_the_longest(policy: RetryPolicy, retry: int, seconds: int) -> None:
    assert policy.delay_before(retry) == timedelta(seconds=seconds)


def test_a_row_of_a_database_channel_whose_failure_cannot_be_recorded_lets_others_pass() -> None:
    morning = Morning(kind=ChannelKind.DATABASE)
    morning.early.raises = [OutOfBed(), OutOfBed()]
    morning.flow.publish(SunRose())
    morning.flow.publish(SunRose(day=2))

    def broken(unit: object, commit: object) -> None:
        morning.store.current().rollback()  # type: ignore[union-attr]
        raise ValueError("no row for that")

    with morning.store.failing(broken):
        morning.flow.run("morning")

    assert morning.praises() == 1
    morning.flow.advance(timedelta(seconds=2))
    morning.flow.run("morning")
    assert morning.praises() == 2
