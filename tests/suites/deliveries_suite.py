"""What every implementation of the delivery rows owes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ports.errors import AlreadyDelivered
from ports.messages import Delivery
from ports.outbound.deliveries import DeliveryRecord, DeliveryState
from ports.outbound.transactions import Store, UnitOfWork
from tests.suites.beside import Beside, at_once
from tests.suites.builders import ENDPOINT, a_delivery, next_attempt
from tests.suites.store_fixtures import StoreFixtures, committed, seen

DONE, WAITING, FAILED = DeliveryState.DONE, DeliveryState.WAITING, DeliveryState.FAILED


class DeliveriesSuite(StoreFixtures):
    """Needs the fixtures ``store`` and ``another_store`` of :class:`StoreFixtures`."""

    def test_a_delivery_without_an_outcome_has_no_row(self, store: Store) -> None:
        assert _record(store, a_delivery()) is None

    def test_a_delivery_that_is_done_says_so(self, store: Store) -> None:
        delivery = a_delivery()

        _done(store, delivery)

        assert _state(store, delivery) == (DONE, 1)

    def test_the_same_unit_of_work_finds_what_it_has_done(self, store: Store) -> None:
        delivery = a_delivery()
        unit = store.begin()
        unit.deliveries.done(delivery)

        record = unit.deliveries.find(delivery.envelope.metadata.id, ENDPOINT)

        assert record is not None
        assert record.state is DONE
        unit.rollback()

    def test_done_after_done_is_a_duplicate_that_names_the_delivery(self, store: Store) -> None:
        delivery = a_delivery()
        _done(store, delivery)

        with pytest.raises(AlreadyDelivered) as duplicate:
            _done(store, delivery)

        assert duplicate.value.message_id == delivery.envelope.metadata.id
        assert duplicate.value.endpoint == ENDPOINT

    @pytest.mark.parametrize("attempt", [1, 2, 3])
    def test_done_wins_over_every_attempt(self, store: Store, attempt: int) -> None:
        delivery = a_delivery(attempt=2)
        _done(store, delivery)

        with pytest.raises(AlreadyDelivered):
            _done(store, replace(delivery, attempt=attempt))

        assert _state(store, delivery) == (DONE, 2)

    def test_done_is_refused_after_the_delivery_failed(self, store: Store) -> None:
        delivery = a_delivery()
        _advance(store, delivery, failed=True)

        with pytest.raises(AlreadyDelivered):
            _done(store, delivery)

        assert _state(store, delivery) == (FAILED, 1)

    def test_done_is_refused_for_an_attempt_that_a_later_one_took_over(self, store: Store) -> None:
        delivery = a_delivery()
        _advance(store, delivery, failed=False)

        with pytest.raises(AlreadyDelivered):
            _done(store, delivery)

        assert _state(store, delivery) == (WAITING, 2)

    def test_the_attempt_that_waits_can_be_done(self, store: Store) -> None:
        delivery = a_delivery()
        _advance(store, delivery, failed=False)

        _done(store, next_attempt(delivery))

        assert _state(store, delivery) == (DONE, 2)

    def test_an_attempt_later_than_the_row_can_be_done(self, store: Store) -> None:
        delivery = a_delivery()
        committed(store, lambda unit: unit.deliveries.count_hand_over(delivery))

        _done(store, replace(delivery, attempt=3))

        assert _state(store, delivery) == (DONE, 3)

    def test_nothing_of_the_unit_of_work_is_kept_when_one_delivery_is_a_duplicate(
        self, store: Store
    ) -> None:
        first, second = a_delivery(), a_delivery()
        _done(store, second)

        def do_both(unit: UnitOfWork) -> None:
            unit.deliveries.done(first)
            unit.deliveries.done(second)

        with pytest.raises(AlreadyDelivered):
            committed(store, do_both)

        assert _record(store, first) is None

    def test_several_deliveries_can_be_done_in_one_unit_of_work(self, store: Store) -> None:
        deliveries = [a_delivery() for _ in range(5)]

        def do_all(unit: UnitOfWork) -> None:
            for delivery in reversed(deliveries):
                unit.deliveries.done(delivery)

        committed(store, do_all)

        assert [_state(store, delivery) for delivery in deliveries] == [(DONE, 1)] * 5

    def test_copies_of_one_message_are_told_apart_by_endpoint(self, store: Store) -> None:
        delivery = a_delivery(endpoint="post.sort_parcel")
        copy = replace(delivery, endpoint="post.weigh_parcel")
        _done(store, delivery)

        _done(store, copy)

        assert _state(store, delivery) == (DONE, 1)
        assert _state(store, copy) == (DONE, 1)

    def test_contexts_do_not_share_rows(self, store: Store, another_store: Store) -> None:
        delivery = a_delivery()
        _done(store, delivery)

        assert _record(another_store, delivery) is None

        _done(another_store, delivery)
        assert _state(another_store, delivery) == (DONE, 1)

    def test_hand_overs_without_an_outcome_are_counted(self, store: Store) -> None:
        delivery = a_delivery()

        counts = [
            committed(store, lambda unit: unit.deliveries.count_hand_over(delivery))
            for _ in range(3)
        ]

        assert counts == [1, 2, 3]
        assert _record(store, delivery) == DeliveryRecord(state=WAITING, attempt=1, hand_overs=3)

    def test_hand_overs_of_each_attempt_are_counted_from_1(self, store: Store) -> None:
        delivery = a_delivery()
        committed(store, lambda unit: unit.deliveries.count_hand_over(delivery))
        committed(store, lambda unit: unit.deliveries.count_hand_over(delivery))
        _advance(store, delivery, failed=False)

        later = next_attempt(delivery)
        count = committed(store, lambda unit: unit.deliveries.count_hand_over(later))

        assert count == 1
        assert _record(store, delivery) == DeliveryRecord(state=WAITING, attempt=2, hand_overs=1)

    def test_a_hand_over_of_a_later_attempt_than_the_row_begins_a_new_count(
        self, store: Store
    ) -> None:
        delivery = a_delivery()
        committed(store, lambda unit: unit.deliveries.count_hand_over(delivery))
        committed(store, lambda unit: unit.deliveries.count_hand_over(delivery))

        later = replace(delivery, attempt=4)
        count = committed(store, lambda unit: unit.deliveries.count_hand_over(later))

        assert count == 1
        assert _record(store, delivery) == DeliveryRecord(state=WAITING, attempt=4, hand_overs=1)

    @pytest.mark.parametrize("outcome", ["done", "failed", "advanced"])
    def test_hand_overs_are_not_counted_once_there_is_an_outcome(
        self, store: Store, outcome: str
    ) -> None:
        delivery = a_delivery()
        if outcome == "done":
            _done(store, delivery)
        else:
            _advance(store, delivery, failed=outcome == "failed")
        before = _record(store, delivery)

        count = committed(store, lambda unit: unit.deliveries.count_hand_over(delivery))

        assert count == 0
        assert _record(store, delivery) == before

    def test_a_hand_over_does_not_stand_in_the_way_of_done(self, store: Store) -> None:
        delivery = a_delivery()
        committed(store, lambda unit: unit.deliveries.count_hand_over(delivery))

        _done(store, delivery)

        assert _state(store, delivery) == (DONE, 1)

    @pytest.mark.parametrize("counted", [False, True], ids=["no row yet", "row of this attempt"])
    def test_an_attempt_can_be_advanced_to_the_next(self, store: Store, counted: bool) -> None:
        delivery = a_delivery()
        if counted:
            committed(store, lambda unit: unit.deliveries.count_hand_over(delivery))

        assert _advance(store, delivery, failed=False)

        assert _record(store, delivery) == DeliveryRecord(state=WAITING, attempt=2, hand_overs=0)

    @pytest.mark.parametrize("counted", [False, True], ids=["no row yet", "row of this attempt"])
    def test_an_attempt_can_be_advanced_to_failed(self, store: Store, counted: bool) -> None:
        delivery = a_delivery()
        if counted:
            committed(store, lambda unit: unit.deliveries.count_hand_over(delivery))

        assert _advance(store, delivery, failed=True)

        assert _state(store, delivery) == (FAILED, 1)

    def test_attempt_after_attempt_can_be_advanced(self, store: Store) -> None:
        delivery = a_delivery()

        assert _advance(store, delivery, failed=False)
        assert _advance(store, replace(delivery, attempt=2), failed=False)
        assert _advance(store, replace(delivery, attempt=3), failed=True)

        assert _state(store, delivery) == (FAILED, 3)

    @pytest.mark.parametrize("failed", [False, True])
    def test_only_the_first_outcome_of_an_attempt_counts(self, store: Store, failed: bool) -> None:
        delivery = a_delivery()
        _advance(store, delivery, failed=False)

        assert not _advance(store, delivery, failed=failed)

        assert _state(store, delivery) == (WAITING, 2)

    @pytest.mark.parametrize("failed", [False, True])
    def test_what_is_done_is_not_advanced(self, store: Store, failed: bool) -> None:
        delivery = a_delivery()
        _done(store, delivery)

        assert not _advance(store, delivery, failed=failed)

        assert _state(store, delivery) == (DONE, 1)

    @pytest.mark.parametrize("failed", [False, True])
    def test_what_has_failed_is_not_advanced(self, store: Store, failed: bool) -> None:
        delivery = a_delivery()
        _advance(store, delivery, failed=True)

        assert not _advance(store, delivery, failed=failed)

        assert _state(store, delivery) == (FAILED, 1)

    def test_an_advance_that_is_rolled_back_never_was(self, store: Store) -> None:
        delivery = a_delivery()
        unit = store.begin()
        assert unit.deliveries.advance(delivery, failed=True)

        unit.rollback()

        assert _record(store, delivery) is None

    def test_of_those_who_advance_at_once_one_wins(self, store: Store) -> None:
        delivery = a_delivery()

        def attempt(failed: bool) -> Callable[[], bool]:
            return lambda: _advance(store, delivery, failed=failed)

        outcomes = at_once(attempt(True), attempt(False), attempt(True))

        assert sorted(map(str, outcomes)) == ["False", "False", "True"]

    def test_an_advance_waits_for_a_handler_that_is_about_to_be_done(self, store: Store) -> None:
        delivery = a_delivery()
        handling = store.begin()
        handling.deliveries.done(delivery)
        handling.flush()

        failing = Beside(lambda: _advance(store, delivery, failed=True))
        assert not failing.has_ended_within(0.2)
        handling.commit()

        assert failing.result() is False
        assert _state(store, delivery) == (DONE, 1)

    def test_of_those_who_are_done_at_once_one_wins(self, store: Store) -> None:
        delivery = a_delivery()

        def handle() -> str:
            try:
                _done(store, delivery)
            except AlreadyDelivered:
                return "duplicate"
            return "done"

        assert sorted(map(str, at_once(handle, handle, handle))) == [
            "done",
            "duplicate",
            "duplicate",
        ]

    def test_what_has_failed_can_be_reopened_as_a_higher_attempt(self, store: Store) -> None:
        delivery = a_delivery(attempt=3)
        _advance(store, delivery, failed=True)

        attempt = _reopen(store, delivery)

        assert attempt == 4
        assert _record(store, delivery) == DeliveryRecord(state=WAITING, attempt=4, hand_overs=0)

    def test_what_was_reopened_can_be_done_by_the_new_attempt_alone(self, store: Store) -> None:
        delivery = a_delivery()
        _advance(store, delivery, failed=True)
        _reopen(store, delivery)

        with pytest.raises(AlreadyDelivered):
            _done(store, delivery)
        _done(store, next_attempt(delivery))

        assert _state(store, delivery) == (DONE, 2)

    def test_only_what_has_failed_can_be_reopened(self, store: Store) -> None:
        unknown, waiting, done = a_delivery(), a_delivery(), a_delivery()
        _advance(store, waiting, failed=False)
        _done(store, done)

        assert _reopen(store, unknown) is None
        assert _reopen(store, waiting) is None
        assert _reopen(store, done) is None

        assert _record(store, unknown) is None
        assert _state(store, waiting) == (WAITING, 2)
        assert _state(store, done) == (DONE, 1)

    def test_what_has_failed_can_be_reopened_once(self, store: Store) -> None:
        delivery = a_delivery()
        _advance(store, delivery, failed=True)

        outcomes = at_once(*(lambda: _reopen(store, delivery),) * 2)

        assert sorted(map(str, outcomes)) == ["2", "None"]


def _done(store: Store, delivery: Delivery) -> None:
    committed(store, lambda unit: unit.deliveries.done(delivery))


def _advance(store: Store, delivery: Delivery, *, failed: bool) -> bool:
    return committed(store, lambda unit: unit.deliveries.advance(delivery, failed=failed))


def _reopen(store: Store, delivery: Delivery) -> int | None:
    message_id = delivery.envelope.metadata.id
    return committed(store, lambda unit: unit.deliveries.reopen(message_id, delivery.endpoint))


def _record(store: Store, delivery: Delivery) -> DeliveryRecord | None:
    message_id = delivery.envelope.metadata.id
    return seen(store, lambda unit: unit.deliveries.find(message_id, delivery.endpoint))


def _state(store: Store, delivery: Delivery) -> tuple[DeliveryState, int]:
    record = _record(store, delivery)
    assert record is not None
    return record.state, record.attempt
