"""Killed before, killed after, done twice: what a delivery ends as when the store fails with it."""

from datetime import timedelta

import pytest

from ports.errors import CommitOutcomeUnknown, ConcurrencyConflict, StoreUnavailable
from ports.outbound.channels import ChannelKind
from ports.outbound.deliveries import DeliveryState
from tests.messaging.faulty import answer_lost, away, fine
from tests.messaging.mornings import Morning, OutOfBed, SunRose
from tests.messaging.shelves import KeeperWasPraised, Praise


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
