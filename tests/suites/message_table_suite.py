"""What every message table owes: to the units of work that fill it, and to those who empty it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from ports.errors import AlreadyDelivered
from ports.messages import Delivery
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

    def test_what_is_kept_leaves_again_only_when_it_is_released(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        delivery = a_delivery()
        add(store, delivery)
        waiting.keep(claim(waiting, token="a"))

        make_time_pass(timedelta(days=1))

        assert claim(waiting, token="b") == []
        assert waiting.seconds_until_due([CHANNEL]) is None
        assert waiting.release(CHANNEL, seconds=60, limit=10) == 1
        (leased,) = claim(waiting, token="b")
        assert as_added(leased.delivery) == delivery
        assert leased.hand_overs == 1

    def test_only_what_was_kept_for_so_long_is_released(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        early, late = a_delivery(), a_delivery()
        add(store, early)
        waiting.keep(claim(waiting, token="a"))
        make_time_pass(timedelta(seconds=30))
        add(store, late)
        waiting.keep(claim(waiting, token="a"))

        assert waiting.kept([CHANNEL], seconds=20) == [CHANNEL]
        assert waiting.kept([CHANNEL], seconds=40) == []
        assert waiting.release(CHANNEL, seconds=20, limit=10) == 1

        assert deliveries_of(claim(waiting, token="b")) == [early]

    def test_of_many_that_are_kept_so_many_are_released(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        add(store, *(a_delivery() for _ in range(5)))
        waiting.keep(claim(waiting, token="a"))

        assert waiting.release(CHANNEL, seconds=0, limit=3) == 3
        assert waiting.release(CHANNEL, seconds=0, limit=3) == 2
        assert waiting.release(CHANNEL, seconds=0, limit=3) == 0

    def test_releasing_touches_no_other_channel_and_nothing_that_was_not_kept(
        self, store: Store, waiting: WaitingDeliveries, now: Now
    ) -> None:
        elsewhere = replace(a_delivery(), channel=HARBOUR)
        delayed = a_delivery(available_at=now() + timedelta(hours=1))
        add(store, elsewhere)
        waiting.keep(claim_abroad(waiting, token="a"))
        add(store, delayed)

        assert waiting.kept([CHANNEL], seconds=0) == []
        assert waiting.release(CHANNEL, seconds=0, limit=10) == 0
        assert claim(waiting, token="b") == []

    def test_what_is_released_keeps_its_order_and_its_priority(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        first, second = a_delivery(key="k"), a_delivery(key="k")
        urgent = a_delivery(priority=9)
        add(store, first, second, urgent)
        waiting.keep(claim(waiting, token="a"))
        waiting.release(CHANNEL, seconds=0, limit=10)

        assert deliveries_of(claim(waiting, token="b")) == [urgent, first, second]

    def test_what_is_kept_holds_up_nothing_of_its_key(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        first, second = a_delivery(key="k"), a_delivery(key="k")
        add(store, first)
        waiting.keep(claim(waiting, token="a"))
        add(store, second)

        assert deliveries_of(claim(waiting, token="b")) == [second]

    def test_what_is_kept_expires(
        self, store: Store, waiting: WaitingDeliveries, now: Now, make_time_pass: MakeTimePass
    ) -> None:
        add(store, a_delivery(expires_at=now() + timedelta(minutes=1)))
        waiting.keep(claim(waiting, token="a"))

        make_time_pass(timedelta(minutes=2))

        assert waiting.drop_expired(limit=10) == 1
        assert waiting.release(CHANNEL, seconds=0, limit=10) == 0

    @pytest.mark.parametrize("outcome", ["done", "failed", "retried"])
    def test_what_has_an_outcome_is_not_kept(
        self, store: Store, waiting: WaitingDeliveries, outcome: str
    ) -> None:
        delivery, other = a_delivery(), a_delivery()
        add(store, delivery, other)
        leased = claim(waiting, token="a")
        committed(store, lambda unit: record(unit, delivery, outcome))

        waiting.keep(leased)

        waiting.release(CHANNEL, seconds=0, limit=10)
        assert deliveries_of(claim(waiting, token="b")) == [other]

    @pytest.mark.parametrize("outcome", ["done", "failed", "retried"])
    def test_what_was_recorded_without_being_settled_can_be_dropped(
        self, store: Store, waiting: WaitingDeliveries, outcome: str
    ) -> None:
        delivery, other = a_delivery(), a_delivery()
        add(store, delivery, other)
        waiting.keep(claim(waiting, token="a"))
        committed(store, lambda unit: record(unit, delivery, outcome))

        assert waiting.drop_recorded(CHANNEL, seconds=60, limit=10) == 0
        assert waiting.drop_recorded(CHANNEL, seconds=0, limit=10) == 1

        waiting.release(CHANNEL, seconds=0, limit=10)
        assert deliveries_of(claim(waiting, token="b")) == [other]

    def test_who_lost_the_lease_cannot_keep(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        add(store, a_delivery())
        late = claim(waiting, token="a")
        make_time_pass(timedelta(seconds=61))
        (taken_over,) = claim(waiting, token="b")

        waiting.keep(late)

        assert waiting.kept([CHANNEL], seconds=0) == []
        waiting.keep([taken_over])
        assert waiting.kept([CHANNEL], seconds=0) == [CHANNEL]

    def test_settling_deletes_what_was_kept_for_the_delivery(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        delivery = a_delivery()
        same_message = replace(delivery, endpoint="post.weigh_parcel")
        add(store, delivery, same_message)
        waiting.keep(claim(waiting, token="a"))

        committed(store, lambda unit: unit.messages.settle(delivery))

        waiting.release(CHANNEL, seconds=0, limit=10)
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
        waiting.keep(claim_abroad(waiting, token="a"))

        committed(another_store, lambda unit: unit.messages.settle(received))

        waiting.release(CUSTOMS, seconds=0, limit=10)
        waiting.release(HARBOUR, seconds=0, limit=10)
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
        waiting.keep(claim_abroad(waiting, token="a"))
        committed(another_store, lambda unit: unit.deliveries.done(received))

        assert waiting.drop_recorded(CUSTOMS, seconds=0, limit=10) == 1
        assert waiting.drop_recorded(HARBOUR, seconds=0, limit=10) == 0
        waiting.release(HARBOUR, seconds=0, limit=10)
        left = claim_abroad(waiting, token="b")
        assert deliveries_of(left) == [also_for]

    def test_settling_deletes_what_was_kept_for_an_earlier_attempt_but_for_no_later_one(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        first = a_delivery(attempt=1)
        second, third = next_attempt(first), next_attempt(next_attempt(first))
        add(store, first, third)
        waiting.keep(claim(waiting, token="a"))

        committed(store, lambda unit: unit.messages.settle(second))

        waiting.release(CHANNEL, seconds=0, limit=10)
        assert deliveries_of(claim(waiting, token="b")) == [third]

    def test_settling_touches_nothing_that_was_not_kept(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        kept, waits = a_delivery(), a_delivery()
        add(store, kept)
        waiting.keep(claim(waiting, token="a"))
        add(store, waits)

        committed(store, lambda unit: unit.messages.settle(waits))

        assert deliveries_of(claim(waiting, token="b")) == [waits]

    def test_settling_and_retrying_in_one_unit_of_work_leaves_the_retry(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        delivery = a_delivery()
        add(store, delivery)
        waiting.keep(claim(waiting, token="a"))

        def retry(unit: UnitOfWork) -> None:
            unit.deliveries.advance(delivery, failed=False)
            unit.messages.settle(delivery)
            unit.messages.add(next_attempt(delivery))

        committed(store, retry)

        waiting.release(CHANNEL, seconds=0, limit=10)
        assert deliveries_of(claim(waiting, token="b")) == [next_attempt(delivery)]

    def test_a_settling_that_is_rolled_back_leaves_the_row(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        delivery = a_delivery()
        add(store, delivery)
        waiting.keep(claim(waiting, token="a"))
        unit = store.begin()
        unit.messages.settle(delivery)
        unit.flush()

        unit.rollback()

        waiting.release(CHANNEL, seconds=0, limit=10)
        assert len(claim(waiting, token="b")) == 1


def claim_abroad(waiting: WaitingDeliveries, *, token: str) -> Sequence[Leased]:
    return waiting.claim([CUSTOMS, HARBOUR], limit=10, token=token)


def record(unit: UnitOfWork, delivery: Delivery, outcome: str) -> None:
    if outcome == "done":
        unit.deliveries.done(delivery)
    else:
        unit.deliveries.advance(delivery, failed=outcome == "failed")
