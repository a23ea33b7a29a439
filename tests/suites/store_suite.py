"""What every store and its units of work owe."""

from collections.abc import Callable

import pytest

from ports.errors import (
    AlreadyDelivered,
    ConcurrencyConflict,
    NoSuchFailedMessage,
    TransactionSpoiled,
)
from ports.outbound.deliveries import DeliveryRecord, DeliveryState
from ports.outbound.positions import Position
from ports.outbound.transactions import Store, UnitOfWork
from tests.suites.beside import at_once, elsewhere
from tests.suites.builders import (
    CHANNEL,
    ENDPOINT,
    a_delivery,
    a_failed_message,
    a_message_id,
    an_event,
)
from tests.suites.store_fixtures import StoreFixtures, WaitingIn, committed, seen


class StoreSuite(StoreFixtures):
    """Needs the fixtures ``store`` and ``waiting_in`` of :class:`StoreFixtures`."""

    def test_what_was_committed_is_there_for_everyone(self, store: Store) -> None:
        committed(store, lambda unit: unit.events.append([an_event("p-1")]))

        assert seen(store, lambda unit: _versions(unit, "p-1")) == [1]

    def test_a_unit_of_work_sees_what_it_has_buffered(self, store: Store) -> None:
        unit = store.begin()
        unit.events.append([an_event("p-1")])

        assert _versions(unit, "p-1") == [1]

        unit.rollback()

    def test_nobody_else_sees_what_is_only_buffered(self, store: Store) -> None:
        unit = store.begin()
        unit.events.append([an_event("p-1")])

        assert seen(store, lambda other: _versions(other, "p-1")) == []

        unit.rollback()

    def test_nobody_else_sees_what_is_flushed_until_it_is_committed(self, store: Store) -> None:
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        unit.flush()

        assert seen(store, lambda other: _versions(other, "p-1")) == []

        unit.commit()
        assert seen(store, lambda other: _versions(other, "p-1")) == [1]

    def test_all_kinds_of_writes_are_committed_together(
        self, store: Store, waiting_in: WaitingIn
    ) -> None:
        message_id = a_message_id()

        committed(store, lambda unit: _write_everything(unit, message_id))

        assert seen(store, lambda unit: _versions(unit, "p-1")) == [1]
        assert _state(store, message_id) is DeliveryState.DONE
        assert seen(store, lambda unit: unit.failed_messages.oldest(limit=10)) == ["f-1"]
        assert seen(store, lambda unit: _position(unit)) == 7
        assert len(waiting_in(store).claim([CHANNEL], limit=10, token="t")) == 1

    def test_a_rollback_undoes_all_kinds_of_writes(
        self, store: Store, waiting_in: WaitingIn
    ) -> None:
        message_id = a_message_id()
        unit = store.begin()
        _write_everything(unit, message_id)
        unit.flush()

        unit.rollback()

        assert seen(store, lambda other: _versions(other, "p-1")) == []
        assert _state(store, message_id) is None
        assert seen(store, lambda other: list(other.failed_messages.oldest(limit=10))) == []
        assert seen(store, lambda other: _position(other)) == 0
        assert waiting_in(store).claim([CHANNEL], limit=10, token="t") == []

    def test_nothing_is_kept_of_a_unit_of_work_that_fails_to_commit(
        self, store: Store, waiting_in: WaitingIn
    ) -> None:
        committed(store, lambda unit: unit.events.append([an_event("p-1")]))
        message_id = a_message_id()
        unit = store.begin()
        unit.deliveries.done(a_delivery(message_id=message_id))
        unit.messages.add(a_delivery())
        unit.events.append([an_event("p-1"), an_event("p-2")])

        with pytest.raises(ConcurrencyConflict):
            unit.commit()

        assert store.current() is None
        assert _state(store, message_id) is None
        assert seen(store, lambda other: _versions(other, "p-2")) == []
        assert waiting_in(store).claim([CHANNEL], limit=10, token="t") == []

    def test_nothing_is_kept_of_a_unit_of_work_that_failed_to_flush(self, store: Store) -> None:
        committed(store, lambda unit: unit.events.append([an_event("p-1")]))
        message_id = a_message_id()
        unit = store.begin()
        unit.deliveries.done(a_delivery(message_id=message_id))
        unit.events.append([an_event("p-1")])
        with pytest.raises(ConcurrencyConflict):
            unit.flush()

        unit.rollback()

        assert _state(store, message_id) is None
        assert seen(store, lambda other: _versions(other, "p-1")) == [1]

    def test_a_unit_of_work_that_failed_to_flush_stays_current_and_cannot_commit(
        self, store: Store
    ) -> None:
        committed(store, lambda unit: unit.events.append([an_event("p-1")]))
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        with pytest.raises(ConcurrencyConflict):
            unit.flush()

        current = store.current()
        with pytest.raises(TransactionSpoiled):
            unit.messages.add(a_delivery())
        with pytest.raises(TransactionSpoiled):
            unit.commit()

        assert current is unit
        assert store.current() is None

    def test_returning_to_a_mark_forgets_what_was_buffered_since(
        self, store: Store, waiting_in: WaitingIn
    ) -> None:
        ran: list[str] = []
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        unit.after_commit(lambda: ran.append("before"))
        mark = unit.mark()
        unit.events.append([an_event("p-1", 2), an_event("p-2")])
        unit.messages.add(a_delivery())
        unit.deliveries.done(a_delivery(message_id=(message_id := a_message_id())))
        unit.after_commit(lambda: ran.append("since"))

        unit.return_to(mark)
        unit.events.append([an_event("p-3")])
        unit.commit()

        assert seen(store, lambda other: _versions(other, "p-1")) == [1]
        assert seen(store, lambda other: _versions(other, "p-2")) == []
        assert seen(store, lambda other: _versions(other, "p-3")) == [1]
        assert _state(store, message_id) is None
        assert waiting_in(store).claim([CHANNEL], limit=10, token="t") == []
        assert ran == ["before"]

    def test_what_was_buffered_before_a_mark_may_be_sent_before_the_return(
        self, store: Store
    ) -> None:
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        mark = unit.mark()
        assert _versions(unit, "p-1") == [1]
        unit.events.append([an_event("p-1", 2)])

        unit.return_to(mark)
        unit.commit()

        assert seen(store, lambda other: _versions(other, "p-1")) == [1]

    @pytest.mark.parametrize("at_once", [False, True])
    def test_what_was_sent_since_a_mark_cannot_be_forgotten_alone(
        self, store: Store, at_once: bool
    ) -> None:
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        mark = unit.mark()
        if at_once:
            unit.deliveries.advance(a_delivery(), failed=False)
        else:
            unit.events.append([an_event("p-2")])
            unit.flush()

        unit.return_to(mark)
        with pytest.raises(TransactionSpoiled):
            unit.commit()

        assert seen(store, lambda other: _versions(other, "p-1")) == []
        assert seen(store, lambda other: _versions(other, "p-2")) == []

    def test_a_duplicate_delivery_is_noticed_before_a_conflict_of_versions(
        self, store: Store
    ) -> None:
        delivery = a_delivery()
        committed(store, lambda unit: unit.deliveries.done(delivery))
        committed(store, lambda unit: unit.events.append([an_event("p-1")]))
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        unit.deliveries.done(delivery)

        with pytest.raises(AlreadyDelivered):
            unit.commit()

    def test_a_refusal_of_a_part_leaves_the_unit_of_work_usable(self, store: Store) -> None:
        unit = store.begin()
        with pytest.raises(NoSuchFailedMessage):
            unit.failed_messages.take("unknown")
        unit.events.append([an_event("p-1")])

        unit.commit()

        assert seen(store, lambda other: _versions(other, "p-1")) == [1]

    def test_work_that_wrote_nothing_can_be_committed(self, store: Store) -> None:
        unit = store.begin()

        unit.commit()

        assert store.current() is None

    def test_units_of_work_one_after_the_other_see_each_other(self, store: Store) -> None:
        committed(store, lambda unit: unit.events.append([an_event("p-1", 1)]))
        committed(store, lambda unit: unit.events.append([an_event("p-1", 2)]))

        assert committed(store, lambda unit: _versions(unit, "p-1")) == [1, 2]

    def test_writers_in_several_threads_all_succeed(self, store: Store) -> None:
        def write(name: str) -> Callable[[], None]:
            return lambda: committed(store, lambda unit: unit.events.append([an_event(name)]))

        outcomes = at_once(*(write(f"p-{number}") for number in range(4)))

        assert outcomes == [None, None, None, None]
        assert [_committed_versions(store, f"p-{number}") for number in range(4)] == [[1]] * 4

    def test_there_is_no_current_unit_of_work_before_one_begins(self, store: Store) -> None:
        assert store.current() is None

    def test_the_unit_of_work_begun_is_current_until_it_is_committed(self, store: Store) -> None:
        unit = store.begin()
        assert store.current() is unit

        unit.commit()

        assert store.current() is None

    def test_the_unit_of_work_begun_is_current_until_it_is_rolled_back(self, store: Store) -> None:
        unit = store.begin()
        assert store.current() is unit

        unit.rollback()

        assert store.current() is None

    def test_a_unit_of_work_steps_back_while_an_inner_one_lasts(self, store: Store) -> None:
        outer = store.begin()
        inner = store.begin()
        assert store.current() is inner

        inner.commit()

        assert store.current() is outer
        outer.rollback()
        assert store.current() is None

    def test_an_inner_unit_of_work_is_a_transaction_of_its_own(self, store: Store) -> None:
        outer = store.begin()
        outer.events.append([an_event("outer")])
        inner = store.begin()
        inner.events.append([an_event("inner")])

        inner.commit()
        outer.rollback()

        assert seen(store, lambda unit: _versions(unit, "inner")) == [1]
        assert seen(store, lambda unit: _versions(unit, "outer")) == []

    def test_an_outer_unit_of_work_survives_the_rollback_of_an_inner_one(
        self, store: Store
    ) -> None:
        outer = store.begin()
        outer.events.append([an_event("outer")])
        inner = store.begin()
        inner.events.append([an_event("inner")])

        inner.rollback()
        outer.commit()

        assert seen(store, lambda unit: _versions(unit, "inner")) == []
        assert seen(store, lambda unit: _versions(unit, "outer")) == [1]

    def test_threads_do_not_share_the_current_unit_of_work(self, store: Store) -> None:
        unit = store.begin()

        def begin_elsewhere() -> bool:
            found_none = store.current() is None
            own = store.begin()
            is_current = store.current() is own
            own.rollback()
            return found_none and is_current

        assert elsewhere(begin_elsewhere)
        assert store.current() is unit
        unit.rollback()

    def test_stores_do_not_share_the_current_unit_of_work(
        self, store: Store, another_store: Store
    ) -> None:
        unit = store.begin()

        assert another_store.current() is None

        unit.rollback()

    def test_a_rollback_after_the_end_is_harmless(self, store: Store) -> None:
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        unit.commit()

        unit.rollback()
        unit.rollback()

        assert seen(store, lambda other: _versions(other, "p-1")) == [1]

    def test_actions_run_in_order_after_the_commit(self, store: Store) -> None:
        heard: list[object] = []
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        unit.after_commit(lambda: heard.append(seen(store, lambda u: _versions(u, "p-1"))))
        unit.after_commit(lambda: heard.append("second"))
        unit.flush()
        assert heard == []

        unit.commit()

        assert heard == [[1], "second"]

    def test_no_action_runs_after_a_rollback(self, store: Store) -> None:
        heard: list[str] = []
        unit = store.begin()
        unit.after_commit(lambda: heard.append("committed"))

        unit.rollback()

        assert heard == []

    def test_no_action_runs_after_a_commit_that_failed(self, store: Store) -> None:
        committed(store, lambda unit: unit.events.append([an_event("p-1")]))
        heard: list[str] = []
        unit = store.begin()
        unit.after_commit(lambda: heard.append("committed"))
        unit.events.append([an_event("p-1")])

        with pytest.raises(ConcurrencyConflict):
            unit.commit()

        assert heard == []

    def test_reading_begins_no_unit_of_work(self, store: Store) -> None:
        with store.reading():
            assert store.current() is None

    def test_reading_within_a_unit_of_work_leaves_it_current(self, store: Store) -> None:
        unit = store.begin()

        with store.reading():
            assert store.current() is unit

        assert store.current() is unit
        unit.rollback()


def _write_everything(unit: UnitOfWork, message_id: str) -> None:
    unit.events.append([an_event("p-1")])
    unit.messages.add(a_delivery())
    unit.deliveries.done(a_delivery(message_id=message_id))
    unit.failed_messages.park(a_failed_message("f-1"))
    unit.positions.save(Position(projection="parcel_list", position=7))


def _versions(unit: UnitOfWork, aggregate_id: str) -> list[int]:
    return [event.version for event in unit.events.load("parcel", "parcel", aggregate_id)]


def _committed_versions(store: Store, aggregate_id: str) -> list[int]:
    return seen(store, lambda unit: _versions(unit, aggregate_id))


def _position(unit: UnitOfWork) -> int:
    found = unit.positions.find("parcel_list")
    return found.position if found else 0


def _state(store: Store, message_id: str) -> DeliveryState | None:
    record: DeliveryRecord | None = seen(
        store, lambda unit: unit.deliveries.find(message_id, ENDPOINT)
    )
    return record.state if record else None
