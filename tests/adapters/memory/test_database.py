"""What is special about the stores in memory."""

import logging
from datetime import timedelta

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.message_table import MemoryWaitingDeliveries
from adapters.memory.store import MemoryStore
from adapters.memory.time import VirtualClock
from ports.errors import ConcurrencyConflict, StoreUnavailable, TransactionSpoiled
from tests.suites.beside import elsewhere
from tests.suites.builders import CHANNEL, a_delivery, an_event
from tests.suites.repository_suite import CRATE, Crate
from tests.suites.store_fixtures import committed, seen


def a_store(*, patience: timedelta = timedelta(seconds=10)) -> MemoryStore:
    return MemoryStore("post", VirtualClock(), database=MemoryDatabase(patience=patience))


def test_a_store_without_a_database_has_one_of_its_own() -> None:
    first, second = MemoryStore("post", VirtualClock()), MemoryStore("post", VirtualClock())

    committed(first, lambda unit: unit.events.append([an_event("p-1")]))

    assert len(seen(first, lambda unit: unit.events.load("parcel", "parcel", "p-1"))) == 1
    assert len(seen(second, lambda unit: unit.events.load("parcel", "parcel", "p-1"))) == 0


def test_a_writer_that_never_ends_makes_others_give_up() -> None:
    store = a_store(patience=timedelta(milliseconds=50))
    unit = store.begin()
    unit.events.append([an_event("p-1")])
    unit.flush()

    with pytest.raises(StoreUnavailable, match="did not end in time"):
        elsewhere(lambda: committed(store, lambda other: other.positions.lock("list")))

    unit.commit()
    assert committed(store, lambda other: other.positions.lock("list")).position == 0


def test_a_thread_that_would_wait_for_itself_is_told_at_once() -> None:
    store = a_store()
    outer = store.begin()
    outer.events.append([an_event("p-1")])
    outer.flush()
    inner = store.begin()
    inner.events.append([an_event("p-2")])

    with pytest.raises(StoreUnavailable, match="of this thread"):
        inner.commit()

    outer.commit()
    assert len(seen(store, lambda unit: unit.events.load("parcel", "parcel", "p-1"))) == 1


def test_a_unit_of_work_that_has_ended_takes_no_more_writes() -> None:
    store = a_store()
    unit = store.begin()
    unit.commit()

    with pytest.raises(RuntimeError, match="ended"):
        unit.messages.add(a_delivery())
    with pytest.raises(RuntimeError, match="ended"):
        unit.commit()


def test_a_unit_of_work_that_failed_to_flush_can_only_be_rolled_back() -> None:
    store = a_store()
    committed(store, lambda unit: unit.events.append([an_event("p-1")]))
    unit = store.begin()
    unit.events.append([an_event("p-1")])
    with pytest.raises(ConcurrencyConflict):
        unit.flush()

    with pytest.raises(TransactionSpoiled):
        unit.messages.add(a_delivery())
    with pytest.raises(TransactionSpoiled):
        unit.commit()

    assert store.current() is None
    committed(store, lambda other: other.events.append([an_event("p-2")]))


def test_an_inner_unit_of_work_stays_current_when_the_outer_one_ends_first() -> None:
    store = a_store()
    outer = store.begin()
    inner = store.begin()

    outer.commit()

    assert store.current() is inner
    inner.commit()
    assert store.current() is None


def test_an_action_that_fails_leaves_the_commit_and_the_other_actions_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = a_store()
    heard: list[str] = []
    unit = store.begin()
    unit.events.append([an_event("p-1")])
    unit.after_commit(lambda: [][0])
    unit.after_commit(lambda: heard.append("second"))

    with caplog.at_level(logging.ERROR):
        unit.commit()

    assert heard == ["second"]
    assert "IndexError" in caplog.text
    assert len(seen(store, lambda other: other.events.load("parcel", "parcel", "p-1"))) == 1


def test_positions_of_rolled_back_events_are_not_used_again() -> None:
    store = a_store()
    unit = store.begin()
    unit.events.append([an_event("p-1")])
    unit.flush()
    unit.rollback()

    committed(store, lambda other: other.events.append([an_event("p-1")]))

    (event,) = seen(store, lambda other: other.events.read(["parcel"], after=0, limit=5))
    assert event.position == 2


def test_an_aggregate_changed_after_it_was_saved_is_stored_as_it_was_saved() -> None:
    store = a_store()
    crate = Crate(crate_id="c-1", address="Hamburg", stops=["Ulm"])
    unit = store.begin()
    unit.aggregates(CRATE).save("c-1", crate, expected_version=0)
    crate.stops.append("nowhere")

    unit.commit()

    found = seen(store, lambda other: other.aggregates(CRATE).find("c-1"))
    assert found is not None
    assert found.aggregate == Crate(crate_id="c-1", address="Hamburg", stops=["Ulm"])


def test_contexts_keep_aggregates_of_the_same_name_apart() -> None:
    database, clock = MemoryDatabase(), VirtualClock()
    post = MemoryStore("post", clock, database=database)
    customs = MemoryStore("customs", clock, database=database)
    crate = Crate(crate_id="c-1", address="Hamburg")

    committed(post, lambda unit: unit.aggregates(CRATE).save("c-1", crate, expected_version=0))

    assert seen(customs, lambda unit: unit.aggregates(CRATE).find("c-1")) is None


def test_a_delivery_never_overtakes_an_earlier_one_of_its_key_by_priority() -> None:
    store = a_store()
    waiting = MemoryWaitingDeliveries(store)
    first = a_delivery(key="p-1", priority=2)
    urgent = a_delivery(key="p-1", priority=9)
    usual = a_delivery(priority=4)
    for delivery in (first, urgent, usual):
        committed(store, lambda unit, d=delivery: unit.messages.add(d))  # type: ignore[misc]

    claimed = waiting.claim([CHANNEL], limit=10, token="t")

    assert [leased.delivery for leased in claimed] == [usual, first, urgent]
