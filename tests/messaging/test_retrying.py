"""Retries, expiry, giving up: what a delivery ends as when its handler fails or takes too long."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ports.errors import ConcurrencyConflict, DeliveryTimedOut, NoSuchFailedMessage
from ports.headers import UNREADABLE
from ports.inbound.delivery import RetryPolicy
from tests.messaging.mornings import Morning, Narrow, SunRose


@pytest.fixture
def morning() -> Morning:
    return Morning()


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


def test_a_message_whose_headers_nobody_can_read_fails_with_the_reason(morning: Morning) -> None:
    delivery = morning.delivery()
    metadata = replace(delivery.envelope.metadata, headers={UNREADABLE: "{damaged"})
    damaged = replace(delivery, envelope=replace(delivery.envelope, metadata=metadata))

    outcome = morning.flow.runtime.consumer.receive(damaged)

    assert outcome == "failed"
    [failed] = morning.flow.failed_messages()
    assert "UnreadableMessage" in failed.failure.exception
    assert "headers" in failed.failure.reason
    assert morning.praises() == 0
