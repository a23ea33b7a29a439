"""What every message table owes: to the units of work that fill it, and to those who empty it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from ports.errors import AlreadyDelivered
from ports.outbound.message_table import Leased, WaitingDeliveries
from ports.outbound.transactions import Store, UnitOfWork
from tests.suites.builders import CHANNEL, a_delivery, a_full_delivery, next_attempt
from tests.suites.store_fixtures import MakeTimePass, committed
from tests.suites.waiting_deliveries_suite import (
    MOMENT,
    Now,
    WaitingDeliveriesSuite,
    add,
    as_added,
    claim,
    consume,
    deliveries_of,
)

# Channels of other contexts; the first is that of ``another_store``.
CUSTOMS, HARBOUR = "customs.parcels", "harbour.parcels"


class MessageTableSuite(WaitingDeliveriesSuite):
    """Needs all fixtures of :class:`StoreFixtures`. Holds the tests of the waiting deliveries too:
    neither can be looked at without the other."""

    def test_a_delivery_leaves_as_it_was_added(
        self, store: Store, waiting: WaitingDeliveries, now: Now
    ) -> None:
        delivery = a_full_delivery(expires_at=now() + timedelta(hours=1))

        add(store, delivery)

        (leased,) = claim(waiting, token="mine")
        assert as_added(leased.delivery) == delivery
        assert leased.token == "mine"
        assert leased.hand_overs == 0
        assert not leased.kept

    def test_a_delivery_leaves_only_after_the_commit(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        unit = store.begin()
        unit.messages.add(a_delivery())
        assert claim(waiting) == []

        unit.commit()

        assert len(claim(waiting)) == 1

    def test_a_delivery_of_a_rolled_back_unit_of_work_never_leaves(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        unit = store.begin()
        unit.messages.add(a_delivery())
        unit.flush()

        unit.rollback()

        assert claim(waiting) == []
        assert waiting.seconds_until_due([CHANNEL]) is None

    def test_what_is_consumed_is_gone_with_the_commit(
        self,
        store: Store,
        waiting: WaitingDeliveries,
        lease: timedelta,
        make_time_pass: MakeTimePass,
    ) -> None:
        add(store, a_delivery())
        (leased,) = claim(waiting)

        consume(store, leased)

        make_time_pass(lease + MOMENT)
        assert claim(waiting, token="other") == []
        assert waiting.seconds_until_due([CHANNEL]) is None

    def test_what_is_consumed_in_vain_stays(
        self,
        store: Store,
        waiting: WaitingDeliveries,
        lease: timedelta,
        make_time_pass: MakeTimePass,
    ) -> None:
        add(store, a_delivery())
        (leased,) = claim(waiting, token="a")
        unit = store.begin()
        unit.messages.consume(leased)
        unit.flush()

        unit.rollback()

        make_time_pass(lease + MOMENT)
        assert len(claim(waiting, token="b")) == 1

    def test_who_lost_the_lease_cannot_consume(
        self,
        store: Store,
        waiting: WaitingDeliveries,
        lease: timedelta,
        make_time_pass: MakeTimePass,
    ) -> None:
        add(store, a_delivery())
        (lost,) = claim(waiting, token="slow")
        make_time_pass(lease + MOMENT)
        (held,) = claim(waiting, token="fast")
        unit = store.begin()
        unit.messages.consume(lost)
        unit.messages.add(a_delivery(channel="letters"))

        with pytest.raises(AlreadyDelivered):
            unit.commit()

        assert waiting.seconds_until_due(["letters"]) is None
        consume(store, held)

    def test_nothing_is_consumed_twice(self, store: Store, waiting: WaitingDeliveries) -> None:
        delivery = a_delivery()
        add(store, delivery)
        (leased,) = claim(waiting)
        consume(store, leased)

        with pytest.raises(AlreadyDelivered) as duplicate:
            consume(store, leased)

        assert duplicate.value.message_id == delivery.envelope.metadata.id

    def test_consuming_can_add_what_follows(self, store: Store, waiting: WaitingDeliveries) -> None:
        add(store, a_delivery())
        (leased,) = claim(waiting, token="a")
        following = a_delivery()

        def handle(unit: UnitOfWork) -> None:
            unit.messages.consume(leased)
            unit.messages.add(following)

        committed(store, handle)

        assert deliveries_of(claim(waiting, token="b")) == [following]

    def test_what_is_kept_is_due_again_unless_its_outcome_was_recorded(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        recorded, unrecorded = a_delivery(), a_delivery()
        add(store, recorded, unrecorded)
        waiting.keep(claim(waiting, token="a"), seconds=60)
        assert claim(waiting, token="b") == []
        committed(store, lambda unit: unit.deliveries.done(recorded))

        make_time_pass(timedelta(seconds=61))

        (leased,) = claim(waiting, token="b")
        assert as_added(leased.delivery) == unrecorded
        assert leased.kept

    @pytest.mark.parametrize("failed", [True, False], ids=["failed", "retried"])
    def test_what_is_kept_does_not_leave_again_when_its_attempt_is_over(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass, failed: bool
    ) -> None:
        delivery = a_delivery()
        add(store, delivery)
        waiting.keep(claim(waiting, token="a"), seconds=60)
        committed(store, lambda unit: unit.deliveries.advance(delivery, failed=failed))

        make_time_pass(timedelta(seconds=61))

        assert claim(waiting, token="b") == []

    def test_keeping_is_no_failed_hand_over(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        add(store, a_delivery())
        waiting.keep(claim(waiting, token="a"), seconds=60)

        make_time_pass(timedelta(seconds=61))

        (leased,) = claim(waiting, token="b")
        assert leased.hand_overs == 0

    def test_settling_deletes_what_was_kept_for_the_delivery(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        delivery = a_delivery()
        same_message = replace(delivery, endpoint="post.weigh_parcel")
        add(store, delivery, same_message)
        waiting.keep(claim(waiting, token="a"), seconds=60)

        committed(store, lambda unit: unit.messages.settle(delivery))

        make_time_pass(timedelta(seconds=61))
        assert deliveries_of(claim(waiting, token="b")) == [same_message]

    def test_a_message_to_another_context_is_settled_by_the_receiver(
        self,
        store: Store,
        another_store: Store,
        waiting: WaitingDeliveries,
        make_time_pass: MakeTimePass,
    ) -> None:
        received = replace(a_delivery(), channel=CUSTOMS)
        also_for = replace(received, channel=HARBOUR)
        add(store, received, also_for)
        waiting.keep(claim_abroad(waiting, token="a"), seconds=60)

        committed(another_store, lambda unit: unit.messages.settle(received))

        make_time_pass(timedelta(seconds=61))
        left = claim_abroad(waiting, token="b")
        assert deliveries_of(left) == [also_for]

    def test_a_message_to_another_context_does_not_leave_again_once_it_has_an_outcome_there(
        self,
        store: Store,
        another_store: Store,
        waiting: WaitingDeliveries,
        make_time_pass: MakeTimePass,
    ) -> None:
        received = replace(a_delivery(), channel=CUSTOMS)
        also_for = replace(received, channel=HARBOUR)
        add(store, received, also_for)
        waiting.keep(claim_abroad(waiting, token="a"), seconds=60)
        committed(another_store, lambda unit: unit.deliveries.done(received))

        make_time_pass(timedelta(seconds=61))

        left = claim_abroad(waiting, token="b")
        assert deliveries_of(left) == [also_for]

    def test_settling_deletes_what_was_kept_for_an_earlier_attempt_but_for_no_later_one(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        first = a_delivery(attempt=1)
        second, third = next_attempt(first), next_attempt(next_attempt(first))
        add(store, first, third)
        waiting.keep(claim(waiting, token="a"), seconds=60)

        committed(store, lambda unit: unit.messages.settle(second))

        make_time_pass(timedelta(seconds=61))
        assert deliveries_of(claim(waiting, token="b")) == [third]

    def test_settling_touches_nothing_that_was_not_kept(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        kept, waits = a_delivery(), a_delivery()
        add(store, kept)
        waiting.keep(claim(waiting, token="a"), seconds=60)
        add(store, waits)

        committed(store, lambda unit: unit.messages.settle(waits))

        assert deliveries_of(claim(waiting, token="b")) == [waits]

    def test_settling_and_retrying_in_one_unit_of_work_leaves_the_retry(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        delivery = a_delivery()
        add(store, delivery)
        waiting.keep(claim(waiting, token="a"), seconds=60)

        def retry(unit: UnitOfWork) -> None:
            unit.deliveries.advance(delivery, failed=False)
            unit.messages.settle(delivery)
            unit.messages.add(next_attempt(delivery))

        committed(store, retry)

        make_time_pass(timedelta(seconds=61))
        assert deliveries_of(claim(waiting, token="b")) == [next_attempt(delivery)]

    def test_a_settling_that_is_rolled_back_leaves_the_row(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        delivery = a_delivery()
        add(store, delivery)
        waiting.keep(claim(waiting, token="a"), seconds=60)
        unit = store.begin()
        unit.messages.settle(delivery)
        unit.flush()

        unit.rollback()

        make_time_pass(timedelta(seconds=61))
        assert len(claim(waiting, token="b")) == 1


def claim_abroad(waiting: WaitingDeliveries, *, token: str) -> Sequence[Leased]:
    return waiting.claim([CUSTOMS, HARBOUR], limit=10, token=token)
