"""Rows of channels that nobody takes from any more: they can be found, and taken all at once."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from ports.messages import Delivery
from ports.outbound.message_table import RemovedChannel, Taken, WaitingDeliveries
from ports.outbound.transactions import Store
from tests.suites.beside import at_once
from tests.suites.builders import CHANNEL, a_delivery, a_full_delivery
from tests.suites.message_table_suite import CUSTOMS, HARBOUR, record
from tests.suites.store_fixtures import MakeTimePass, StoreFixtures, WaitingIn, committed
from tests.suites.waiting_deliveries_suite import MOMENT, Now, add, as_added, claim


class RemovedChannelsSuite(StoreFixtures):
    """Needs all fixtures of :class:`StoreFixtures`."""

    @pytest.fixture
    def waiting(self, store: Store, waiting_in: WaitingIn) -> WaitingDeliveries:
        return waiting_in(store)

    def test_rows_of_all_other_channels_are_counted_by_name(
        self, store: Store, waiting: WaitingDeliveries, now: Now
    ) -> None:
        add(store, a_delivery(), a_delivery(channel="letters"), a_delivery(channel="books"))
        add(store, a_delivery(channel="letters"))
        waiting.keep(waiting.claim(["letters"], limit=1, token="a"))
        add(store, a_delivery(channel="letters", available_at=now() + timedelta(days=1)))
        add(store, a_delivery(channel="zebras", available_at=now() + timedelta(days=1)))

        assert counts(waiting.removed_channels([CHANNEL])) == {
            "books": 1,
            "letters": 3,
            "zebras": 1,
        }
        assert counts(waiting.removed_channels([CHANNEL, "books", "letters", "zebras"])) == {}
        assert CHANNEL in counts(waiting.removed_channels([]))

    def test_the_oldest_of_them_is_told(
        self, store: Store, waiting: WaitingDeliveries, now: Now, make_time_pass: MakeTimePass
    ) -> None:
        add(store, a_delivery(available_at=now() + timedelta(days=1)))
        make_time_pass(timedelta(hours=1))
        add(store, a_delivery())

        [found] = waiting.removed_channels([])

        assert timedelta(minutes=59) < now() - found.oldest_at < timedelta(minutes=61)

    def test_only_those_of_the_own_context_are_found_and_taken(
        self, store: Store, another_store: Store, waiting: WaitingDeliveries
    ) -> None:
        add(another_store, a_delivery())

        assert waiting.removed_channels([]) == []
        assert take(store) == []

    def test_all_rows_of_a_channel_are_taken_as_they_were_added(
        self, store: Store, waiting: WaitingDeliveries, now: Now
    ) -> None:
        waits = a_full_delivery()
        delayed = a_delivery(available_at=now() + timedelta(days=1), key="p-1")
        behind, kept, other = a_delivery(key="p-1"), a_delivery(), a_delivery(channel="letters")
        add(store, kept)
        waiting.keep(claim(waiting))
        add(store, waits, delayed, behind, other)
        claim(waiting, limit=0)

        taken = take(store)

        assert by_id([one.delivery for one in taken]) == by_id([waits, delayed, behind, kept])
        assert not any(one.has_outcome for one in taken)
        assert counts(waiting.removed_channels([])) == {"letters": 1}

    def test_no_more_are_taken_than_asked_for(
        self, store: Store, waiting: WaitingDeliveries, now: Now
    ) -> None:
        later = now() + timedelta(days=1)
        add(store, *(a_delivery() for _ in range(3)))
        add(store, *(a_delivery(available_at=later) for _ in range(3)))

        assert [len(take(store, limit=4)) for _ in range(3)] == [4, 2, 0]

    def test_what_is_taken_in_vain_stays(self, store: Store, waiting: WaitingDeliveries) -> None:
        add(store, a_delivery())
        unit = store.begin()
        assert len(unit.messages.take(CHANNEL, limit=10)) == 1

        unit.rollback()

        assert counts(waiting.removed_channels([])) == {CHANNEL: 1}

    def test_what_somebody_holds_is_not_taken_before_the_lease_has_ended(
        self,
        store: Store,
        waiting: WaitingDeliveries,
        lease: timedelta,
        make_time_pass: MakeTimePass,
    ) -> None:
        add(store, a_delivery())
        claim(waiting)

        assert take(store) == []
        assert counts(waiting.removed_channels([])) == {CHANNEL: 1}

        make_time_pass(lease + MOMENT)
        assert len(take(store)) == 1

    @pytest.mark.parametrize("outcome", ["done", "failed", "retried"])
    def test_of_what_is_taken_it_is_known_whether_it_has_an_outcome(
        self, store: Store, waiting: WaitingDeliveries, outcome: str
    ) -> None:
        with_outcome, without = a_delivery(), a_delivery()
        add(store, with_outcome, without)
        waiting.keep(claim(waiting))
        committed(store, lambda unit: record(unit, with_outcome, outcome))

        assert {one.delivery.envelope.metadata.id: one.has_outcome for one in take(store)} == {
            with_outcome.envelope.metadata.id: True,
            without.envelope.metadata.id: False,
        }

    def test_the_outcome_of_a_message_to_another_context_is_the_one_there(
        self, store: Store, another_store: Store, waiting: WaitingDeliveries
    ) -> None:
        received = a_delivery(channel=CUSTOMS)
        add(store, received, a_delivery(channel=HARBOUR, message_id=received.envelope.metadata.id))
        committed(another_store, lambda unit: unit.deliveries.done(received))

        assert [one.has_outcome for one in take(store, CUSTOMS)] == [True]
        assert [one.has_outcome for one in take(store, HARBOUR)] == [False]

    def test_those_who_take_at_once_never_take_the_same(
        self, store: Store, waiting: WaitingDeliveries
    ) -> None:
        add(store, *(a_delivery() for _ in range(40)))

        def take_all() -> list[Taken]:
            mine: list[Taken] = []
            while taken := take(store, limit=3):
                mine += taken
            return mine

        shares = at_once(take_all, take_all, take_all)

        ids = [one.delivery.envelope.metadata.id for share in shares for one in listed(share)]
        assert len(ids) == len(set(ids))
        assert len(ids) + sum(counts(waiting.removed_channels([])).values()) == 40


def take(store: Store, channel: str = CHANNEL, *, limit: int = 100) -> list[Taken]:
    return committed(store, lambda unit: list(unit.messages.take(channel, limit=limit)))


def counts(found: Sequence[RemovedChannel]) -> dict[str, int]:
    return {one.channel: one.count for one in found}


def by_id(deliveries: Sequence[Delivery]) -> dict[str, Delivery]:
    return {one.envelope.metadata.id: as_added(one) for one in deliveries}


def listed(share: object) -> list[Taken]:
    assert isinstance(share, list), share
    return share
