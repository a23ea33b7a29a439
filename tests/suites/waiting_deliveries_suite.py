"""What those owe who empty a message table: claims, leases, order, delays and expiry."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ports.messages import Delivery
from ports.outbound.message_table import Leased, WaitingDeliveries
from ports.outbound.transactions import Store, UnitOfWork
from tests.suites.beside import at_once
from tests.suites.builders import CHANNEL, a_delivery
from tests.suites.store_fixtures import MakeTimePass, StoreFixtures, WaitingIn, committed

Now = Callable[[], datetime]

MOMENT = timedelta(seconds=1)


class WaitingDeliveriesSuite(StoreFixtures):
    """Needs all fixtures of :class:`StoreFixtures`."""

    @pytest.fixture
    def waiting(self, store: Store, waiting_in: WaitingIn) -> WaitingDeliveries:
        return waiting_in(store)

    def test_nothing_waits_in_an_empty_table(self, waiting: WaitingDeliveries) -> None:
        assert claim(waiting) == []
        assert waiting.seconds_until_due([CHANNEL]) is None

    def test_deliveries_leave_in_the_order_they_were_added(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        deliveries = [a_delivery() for _ in range(5)]
        add(store, *deliveries[:3])
        add(store, *deliveries[3:])

        assert deliveries_of(claim(waiting)) == deliveries

    def test_a_higher_priority_leaves_first(self, store: Store, waiting: WaitingDeliveries) -> None:
        low, usual, high = (a_delivery(priority=priority) for priority in (0, 4, 9))
        another = a_delivery(priority=4)
        add(store, low, usual, high, another)

        assert deliveries_of(claim(waiting)) == [high, usual, another, low]

    def test_a_claim_takes_no_more_than_the_limit(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        deliveries = [a_delivery() for _ in range(5)]
        add(store, *deliveries)

        assert deliveries_of(claim(waiting, limit=2, token="a")) == deliveries[:2]
        assert deliveries_of(claim(waiting, limit=9, token="b")) == deliveries[2:]

    def test_a_claim_takes_only_the_channels_asked_for(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        parcel = a_delivery(channel="parcels")
        letter = a_delivery(channel="letters")
        invoice = a_delivery(channel="invoices")
        add(store, parcel, letter, invoice)

        claimed = waiting.claim(["letters", "invoices"], limit=10, token="t")

        assert deliveries_of(claimed) == [letter, invoice]
        assert waiting.claim([], limit=10, token="t") == []

    def test_contexts_do_not_take_from_each_other(
        self, store: Store, another_store: Store, waiting_in: WaitingIn
    ) -> None:
        own, other = a_delivery(), a_delivery()
        add(store, own)
        add(another_store, other)

        assert deliveries_of(claim(waiting_in(store))) == [own]
        assert deliveries_of(claim(waiting_in(another_store))) == [other]

    def test_what_is_claimed_is_not_claimed_again_while_the_lease_lasts(
        self,
        store: Store,
        waiting: WaitingDeliveries,
        lease: timedelta,
        make_time_pass: MakeTimePass,
    ) -> None:
        add(store, a_delivery())
        claim(waiting, token="a")

        make_time_pass(lease / 2)

        assert claim(waiting, token="b") == []

    def test_what_is_claimed_is_due_again_when_the_lease_has_ended(
        self,
        store: Store,
        waiting: WaitingDeliveries,
        lease: timedelta,
        make_time_pass: MakeTimePass,
    ) -> None:
        delivery = a_delivery()
        add(store, delivery)
        claim(waiting, token="a")

        make_time_pass(lease + MOMENT)

        (leased,) = claim(waiting, token="b")
        assert as_added(leased.delivery) == delivery
        assert leased.token == "b"

    def test_a_lease_that_is_renewed_does_not_run_out(
        self,
        store: Store,
        waiting: WaitingDeliveries,
        make_time_pass: MakeTimePass,
        lease: timedelta,
    ) -> None:
        delivery = a_delivery()
        add(store, delivery)
        leased = claim(waiting, token="a")

        for _ in range(3):
            make_time_pass(lease - MOMENT)
            assert waiting.renew(leased) == 1
            assert claim(waiting, token="b") == []

        make_time_pass(lease + MOMENT)
        assert deliveries_of(claim(waiting, token="b")) == [delivery]

    def test_who_lost_the_lease_cannot_renew_it(
        self,
        store: Store,
        waiting: WaitingDeliveries,
        make_time_pass: MakeTimePass,
        lease: timedelta,
    ) -> None:
        add(store, a_delivery())
        late = claim(waiting, token="a")
        make_time_pass(lease + MOMENT)
        taken_over = claim(waiting, token="b")
        assert waiting.lease == lease

        assert waiting.renew(late) == 0

        consume(store, taken_over[0])
        assert waiting.renew(taken_over) == 0
        assert waiting.renew([]) == 0

    def test_taking_over_a_lease_counts_as_a_failed_hand_over(
        self,
        store: Store,
        waiting: WaitingDeliveries,
        lease: timedelta,
        make_time_pass: MakeTimePass,
    ) -> None:
        add(store, a_delivery())
        counts = []
        for token in ("a", "b", "c"):
            counts += [leased.hand_overs for leased in claim(waiting, token=token)]
            make_time_pass(lease + MOMENT)

        assert counts == [0, 1, 2]

    def test_takers_at_the_same_moment_never_get_the_same_delivery(
        self, store: Store, waiting_in: WaitingIn
    ) -> None:
        deliveries = [a_delivery() for _ in range(40)]
        add(store, *deliveries)

        def take_all(token: str) -> Callable[[], list[Leased]]:
            def run() -> list[Leased]:
                waiting = waiting_in(store)
                mine: list[Leased] = []
                while claimed := waiting.claim([CHANNEL], limit=3, token=token):
                    mine.extend(claimed)
                return mine

            return run

        shares = at_once(*(take_all(f"taker-{number}") for number in range(4)))

        taken = [leased for share in shares if isinstance(share, list) for leased in share]
        ids = [leased.delivery.envelope.metadata.id for leased in taken]
        assert sorted(ids) == sorted(delivery.envelope.metadata.id for delivery in deliveries)

    def test_what_is_removed_is_gone(
        self,
        store: Store,
        waiting: WaitingDeliveries,
        lease: timedelta,
        make_time_pass: MakeTimePass,
    ) -> None:
        first, second = a_delivery(), a_delivery()
        add(store, first, second)
        leased = claim(waiting, limit=1)

        waiting.remove(leased)

        make_time_pass(lease + MOMENT)
        assert deliveries_of(claim(waiting, token="other")) == [second]

    def test_who_lost_the_lease_removes_nothing(
        self,
        store: Store,
        waiting: WaitingDeliveries,
        lease: timedelta,
        make_time_pass: MakeTimePass,
    ) -> None:
        add(store, a_delivery())
        lost = claim(waiting, token="slow")
        make_time_pass(lease + MOMENT)
        held = claim(waiting, token="fast")

        waiting.remove(lost)
        waiting.put_back(lost, delay_seconds=0)
        waiting.keep(lost)

        assert claim(waiting, token="third") == []
        consume(store, held[0])
        assert waiting.seconds_until_due([CHANNEL]) is None

    def test_removing_nothing_is_harmless(self, store: Store, waiting: WaitingDeliveries) -> None:
        add(store, a_delivery())

        waiting.remove([])
        waiting.put_back([], delay_seconds=1)
        waiting.keep([])

        assert len(claim(waiting)) == 1

    def test_what_is_put_back_is_due_after_the_delay_and_counted(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        delivery = a_delivery()
        add(store, delivery)

        waiting.put_back(claim(waiting, token="a"), delay_seconds=60)

        assert claim(waiting, token="b") == []
        make_time_pass(timedelta(seconds=61))
        (leased,) = claim(waiting, token="b")
        assert leased.hand_overs == 1
        assert as_added(leased.delivery) == delivery

    def test_what_is_put_back_without_a_delay_is_due_at_once(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        add(store, a_delivery())

        waiting.put_back(claim(waiting, token="a"), delay_seconds=0)

        (leased,) = claim(waiting, token="b")
        assert leased.hand_overs == 1

    def test_a_delayed_delivery_leaves_when_its_time_has_come(
        self, store: Store, waiting: WaitingDeliveries, now: Now, make_time_pass: MakeTimePass
    ) -> None:
        at_once_due = a_delivery()
        delayed = a_delivery(available_at=now() + timedelta(minutes=5))
        add(store, delayed, at_once_due)
        assert deliveries_of(claim(waiting)) == [at_once_due]

        make_time_pass(timedelta(minutes=5, seconds=1))

        (leased,) = claim(waiting, token="later", without=[at_once_due])
        assert as_added(leased.delivery) == as_added(delayed)

    def test_the_time_until_the_next_delivery_is_due_is_known(
        self, store: Store, waiting: WaitingDeliveries, now: Now, make_time_pass: MakeTimePass
    ) -> None:
        add(
            store,
            a_delivery(available_at=now() + timedelta(seconds=300)),
            a_delivery(available_at=now() + timedelta(seconds=60)),
            a_delivery(available_at=now() + timedelta(seconds=5), channel="letters"),
        )

        seconds = waiting.seconds_until_due([CHANNEL])
        assert seconds is not None
        assert 50 < seconds <= 60

        make_time_pass(timedelta(seconds=61))
        assert waiting.seconds_until_due([CHANNEL]) == 0

    def test_a_delivery_added_just_now_is_due(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        add(store, a_delivery())

        assert waiting.seconds_until_due([CHANNEL]) == 0
        assert waiting.seconds_until_due(["letters"]) is None

    def test_a_leased_delivery_is_due_when_the_lease_ends(
        self, store: Store, waiting: WaitingDeliveries, lease: timedelta
    ) -> None:
        add(store, a_delivery())
        claim(waiting)

        seconds = waiting.seconds_until_due([CHANNEL])

        assert seconds is not None
        assert 0 < seconds <= lease.total_seconds()

    def test_an_expired_delivery_never_leaves(
        self, store: Store, waiting: WaitingDeliveries, now: Now, make_time_pass: MakeTimePass
    ) -> None:
        lasting = a_delivery(expires_at=now() + timedelta(hours=2))
        expiring = a_delivery(expires_at=now() + timedelta(minutes=1))
        add(store, expiring, lasting)

        make_time_pass(timedelta(minutes=2))

        assert ids_of(claim(waiting)) == [lasting.envelope.metadata.id]

    def test_expired_deliveries_are_dropped_within_the_limit(
        self, store: Store, waiting: WaitingDeliveries, now: Now, make_time_pass: MakeTimePass
    ) -> None:
        soon = now() + timedelta(minutes=1)
        add(store, *(a_delivery(expires_at=soon) for _ in range(3)), a_delivery())

        assert waiting.drop_expired(limit=10) == 0
        make_time_pass(timedelta(minutes=2))

        assert waiting.drop_expired(limit=2) == 2
        assert waiting.drop_expired(limit=2) == 1
        assert waiting.drop_expired(limit=2) == 0
        assert len(claim(waiting)) == 1

    def test_only_expired_deliveries_of_the_own_context_are_dropped(
        self,
        store: Store,
        another_store: Store,
        waiting: WaitingDeliveries,
        now: Now,
        make_time_pass: MakeTimePass,
    ) -> None:
        add(another_store, a_delivery(expires_at=now() + timedelta(minutes=1)))

        make_time_pass(timedelta(minutes=2))

        assert waiting.drop_expired(limit=10) == 0

    def test_deliveries_of_one_key_are_taken_together_in_order(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        deliveries = [a_delivery(key="p-1") for _ in range(3)]
        add(store, *deliveries)

        assert deliveries_of(claim(waiting)) == deliveries

    def test_a_leased_delivery_holds_up_those_behind_it_of_the_same_key(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        first, second = a_delivery(key="p-1"), a_delivery(key="p-1")
        other, keyless = a_delivery(key="p-2"), a_delivery()
        add(store, first, second, other, keyless)
        leased = claim(waiting, limit=1, token="a")
        assert deliveries_of(leased) == [first]

        assert deliveries_of(claim(waiting, token="b")) == [other, keyless]

        waiting.remove(leased)
        assert deliveries_of(claim(waiting, token="c")) == [second]

    def test_a_delivery_that_was_put_back_holds_up_those_behind_it_of_the_same_key(
        self, store: Store, waiting: WaitingDeliveries, make_time_pass: MakeTimePass
    ) -> None:
        first, second, other = a_delivery(key="p-1"), a_delivery(key="p-1"), a_delivery()
        add(store, first, second, other)
        waiting.put_back(claim(waiting, limit=1, token="a"), delay_seconds=60)

        assert deliveries_of(claim(waiting, token="b")) == [other]

        make_time_pass(timedelta(seconds=61))
        assert deliveries_of(claim(waiting, token="c", without=[other])) == [first, second]

    def test_a_delayed_delivery_holds_up_those_behind_it_of_the_same_key_only(
        self, store: Store, waiting: WaitingDeliveries, now: Now
    ) -> None:
        before = a_delivery(key="p-1")
        delayed = a_delivery(key="p-1", available_at=now() + timedelta(minutes=5))
        behind, other = a_delivery(key="p-1"), a_delivery(key="p-2")
        add(store, before, delayed, behind, other)

        assert deliveries_of(claim(waiting)) == [before, other]

    def test_a_limit_that_parts_a_key_keeps_its_order(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        deliveries = [a_delivery(key="p-1") for _ in range(4)]
        add(store, *deliveries)
        taken = claim(waiting, limit=2, token="a")
        assert deliveries_of(taken) == deliveries[:2]
        assert claim(waiting, limit=2, token="b") == []

        waiting.remove(taken)

        assert deliveries_of(claim(waiting, limit=2, token="b")) == deliveries[2:]

    def test_an_expired_delivery_does_not_hold_up_those_behind_it_of_the_same_key(
        self, store: Store, waiting: WaitingDeliveries, now: Now, make_time_pass: MakeTimePass
    ) -> None:
        expiring = a_delivery(key="p-1", expires_at=now() + timedelta(minutes=1))
        behind = a_delivery(key="p-1")
        add(store, expiring, behind)

        make_time_pass(timedelta(minutes=2))

        assert deliveries_of(claim(waiting)) == [behind]

    def test_keys_of_different_channels_have_nothing_to_do_with_each_other(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        letter = a_delivery(channel="letters", key="p-1")
        parcel = a_delivery(channel="parcels", key="p-1")
        add(store, letter, parcel)
        waiting.claim(["letters"], limit=1, token="a")

        assert deliveries_of(waiting.claim(["letters", "parcels"], limit=5, token="b")) == [parcel]


def add(store: Store, *deliveries: Delivery) -> None:
    def add_all(unit: UnitOfWork) -> None:
        for delivery in deliveries:
            unit.messages.add(delivery)

    committed(store, add_all)


def consume(store: Store, leased: Leased) -> None:
    committed(store, lambda unit: unit.messages.consume(leased))


def claim(
    waiting: WaitingDeliveries,
    *,
    limit: int = 100,
    token: str = "mine",
    without: Sequence[Delivery] = (),
) -> list[Leased]:
    """What one taker gets; ``without`` those whose lease may or may not have ended meanwhile."""
    ids = [delivery.envelope.metadata.id for delivery in without]
    claimed = waiting.claim([CHANNEL], limit=limit, token=token)
    return [leased for leased in claimed if leased.delivery.envelope.metadata.id not in ids]


def deliveries_of(claimed: Sequence[Leased]) -> list[Delivery]:
    return [as_added(leased.delivery) for leased in claimed]


def ids_of(claimed: Sequence[Leased]) -> list[str]:
    return [leased.delivery.envelope.metadata.id for leased in claimed]


def as_added(delivery: Delivery) -> Delivery:
    """When a delivery is due is the table's own business once it is there."""
    return replace(delivery, available_at=None)
