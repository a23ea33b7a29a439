"""What every event store owes."""

import threading
from collections.abc import Callable, Sequence

import pytest

from ports.errors import ConcurrencyConflict
from ports.messages import Envelope
from ports.outbound.event_store import NewEvent, StoredEvent
from ports.outbound.transactions import Store, UnitOfWork
from tests.suites.beside import Beside, at_once
from tests.suites.builders import an_event, full_metadata, some_events
from tests.suites.store_fixtures import StoreFixtures, committed, seen

STREAM = "parcel"
_GRACE_S = 0.3


class EventStoreSuite(StoreFixtures):
    """Needs the fixtures ``store`` and ``another_store`` of :class:`StoreFixtures`."""

    def test_an_instance_without_events_does_not_exist(self, store: Store) -> None:
        assert list(_load(store, "p-1")) == []

    def test_events_of_an_instance_are_loaded_by_version(self, store: Store) -> None:
        events = some_events("p-1", 3)

        _append(store, *events)

        loaded = _load(store, "p-1")
        assert [event.version for event in loaded] == [1, 2, 3]
        assert [event.envelope for event in loaded] == [event.envelope for event in events]

    def test_an_event_comes_back_as_it_was_appended(self, store: Store) -> None:
        envelope = Envelope(
            payload=b"\x00\xff not text",
            name="post.parcel_was_sent",
            metadata=full_metadata(),
            revision=3,
            content_type="application/octet-stream",
        )

        _append(store, an_event("p-1", envelope=envelope))

        (loaded,) = _load(store, "p-1")
        assert loaded == StoredEvent(
            position=loaded.position,
            stream=STREAM,
            aggregate="parcel",
            aggregate_id="p-1",
            version=1,
            envelope=envelope,
        )

    def test_loading_can_begin_after_a_version(self, store: Store) -> None:
        _append(store, *some_events("p-1", 4))

        loaded = seen(
            store, lambda unit: unit.events.load(STREAM, "parcel", "p-1", after_version=2)
        )

        assert [event.version for event in loaded] == [3, 4]

    def test_loading_sees_what_the_same_unit_of_work_appended(self, store: Store) -> None:
        _append(store, an_event("p-1", 1))
        unit = store.begin()
        unit.events.append([an_event("p-1", 2)])

        loaded = unit.events.load(STREAM, "parcel", "p-1")

        assert [event.version for event in loaded] == [1, 2]
        unit.rollback()

    def test_one_unit_of_work_may_append_several_times(self, store: Store) -> None:
        unit = store.begin()
        unit.events.append([an_event("p-1", 1)])
        unit.events.append([an_event("p-1", 2), an_event("p-2", 1)])
        unit.flush()
        unit.events.append([an_event("p-1", 3)])

        unit.commit()

        assert [event.version for event in _load(store, "p-1")] == [1, 2, 3]
        assert [event.version for event in _load(store, "p-2")] == [1]

    def test_instances_are_told_apart_by_stream_aggregate_and_id(self, store: Store) -> None:
        _append(store, an_event("1"), an_event("2"))
        _append(store, an_event("1", stream="letter", aggregate="letter"))
        _append(store, an_event("1", stream="parcel", aggregate="crate"))

        assert len(_load(store, "1")) == 1
        assert len(_load(store, "2")) == 1
        letters = seen(store, lambda unit: unit.events.load("letter", "letter", "1"))
        crates = seen(store, lambda unit: unit.events.load("parcel", "crate", "1"))
        assert [event.aggregate for event in letters] == ["letter"]
        assert [event.aggregate for event in crates] == ["crate"]

    def test_a_version_that_is_taken_is_a_conflict_that_names_the_instance(
        self, store: Store
    ) -> None:
        _append(store, *some_events("p-1", 2))
        unit = store.begin()
        unit.events.append([an_event("p-1", 2)])

        with pytest.raises(ConcurrencyConflict) as conflict:
            unit.commit()

        assert conflict.value.aggregate == "parcel"
        assert conflict.value.identifier == "p-1"
        assert conflict.value.expected_version == 1

    @pytest.mark.parametrize("version", [2, 7])
    def test_a_version_that_does_not_follow_is_a_conflict(self, store: Store, version: int) -> None:
        with pytest.raises(ConcurrencyConflict):
            _append(store, an_event("p-1", version))

        assert list(_load(store, "p-1")) == []

    def test_nothing_is_kept_when_one_of_several_events_conflicts(self, store: Store) -> None:
        _append(store, an_event("p-1"))

        with pytest.raises(ConcurrencyConflict):
            _append(store, an_event("p-2"), an_event("p-1"))

        assert list(_load(store, "p-2")) == []
        assert len(_load(store, "p-1")) == 1

    def test_of_those_who_append_the_same_version_at_once_one_succeeds(self, store: Store) -> None:
        _append(store, an_event("p-1"))

        def attempt() -> str:
            unit = store.begin()
            try:
                version = len(unit.events.load(STREAM, "parcel", "p-1")) + 1
                both_loaded.wait(10)
                unit.events.append([an_event("p-1", version)])
                unit.commit()
            except ConcurrencyConflict:
                return "conflict"
            finally:
                unit.rollback()
            return "appended"

        both_loaded = threading.Barrier(2)
        outcomes = at_once(attempt, attempt)

        assert sorted(map(str, outcomes)) == ["appended", "conflict"]
        assert [event.version for event in _load(store, "p-1")] == [1, 2]

    def test_contexts_do_not_share_instances(self, store: Store, another_store: Store) -> None:
        _append(store, an_event("p-1"))

        _append(another_store, *some_events("p-1", 2))

        assert len(_load(store, "p-1")) == 1
        assert len(_load(another_store, "p-1")) == 2

    def test_reading_gives_events_of_all_instances_in_the_order_of_their_positions(
        self, store: Store
    ) -> None:
        _append(store, an_event("p-1", 1))
        _append(store, an_event("p-2", 1), an_event("p-1", 2))
        _append(store, an_event("p-2", 2))

        found = _read(store)

        assert [(event.aggregate_id, event.version) for event in found] == [
            ("p-1", 1),
            ("p-2", 1),
            ("p-1", 2),
            ("p-2", 2),
        ]
        positions = [event.position for event in found]
        assert positions == sorted(set(positions))
        assert positions[0] > 0

    def test_reading_and_loading_give_the_same_events(self, store: Store) -> None:
        _append(store, *some_events("p-1", 2))

        assert list(_read(store)) == list(_load(store, "p-1"))

    def test_reading_goes_on_after_a_position(self, store: Store) -> None:
        _append(store, *some_events("p-1", 3))
        first, *rest = _read(store)

        assert list(_read(store, after=first.position)) == rest

    def test_reading_stops_at_a_position(self, store: Store) -> None:
        _append(store, *some_events("p-1", 3))
        first, second, _ = _read(store)

        assert list(_read(store, until=second.position)) == [first, second]

    def test_reading_gives_no_more_than_the_limit(self, store: Store) -> None:
        _append(store, *some_events("p-1", 5))

        assert [event.version for event in _read(store, limit=2)] == [1, 2]

    def test_reading_gives_only_the_streams_asked_for(self, store: Store) -> None:
        _append(store, an_event("1"))
        _append(store, an_event("1", stream="letter", aggregate="letter"))
        _append(store, an_event("1", stream="invoice", aggregate="invoice"))

        found = _read(store, streams=["letter", "invoice"])

        assert [event.stream for event in found] == ["letter", "invoice"]

    def test_reading_gives_only_events_of_the_own_context(
        self, store: Store, another_store: Store
    ) -> None:
        _append(another_store, an_event("p-1"))
        _append(store, an_event("p-2"))

        assert [event.aggregate_id for event in _read(store)] == ["p-2"]
        assert [event.aggregate_id for event in _read(another_store)] == ["p-1"]

    def test_one_can_ask_whether_there_is_more_to_read(
        self, store: Store, another_store: Store
    ) -> None:
        _append(store, an_event("p-1"))
        (event,) = _read(store)
        _append(store, an_event("1", stream="letter", aggregate="letter"))
        _append(another_store, an_event("p-2"))

        def is_there(position: int) -> bool:
            return seen(store, lambda unit: unit.events.any_after([STREAM], position=position))

        assert is_there(0)
        assert not is_there(event.position)

    def test_what_is_not_committed_cannot_be_read(self, store: Store) -> None:
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        unit.flush()

        assert list(_read(store)) == []
        assert not seen(store, lambda other: other.events.any_after([STREAM], position=0))

        unit.commit()
        assert [event.aggregate_id for event in _read(store)] == ["p-1"]

    def test_who_remembers_the_last_position_misses_no_event_that_commits_later(
        self, store: Store
    ) -> None:
        early = store.begin()
        early.events.append([an_event("early")])
        early.flush()
        late = Beside(lambda: _append(store, an_event("late")))
        # Where only one may write at a time, the late one is still waiting after this.
        late.has_ended_within(_GRACE_S)
        before = list(_read(store))
        last = max((event.position for event in before), default=0)

        early.commit()
        late.result()

        after = _read(store, after=last)
        names = [event.aggregate_id for event in (*before, *after)]
        assert sorted(names) == ["early", "late"]

    def test_an_append_that_is_rolled_back_holds_nobody_up(self, store: Store) -> None:
        early = store.begin()
        early.events.append([an_event("early")])
        early.flush()
        late = Beside(lambda: _append(store, an_event("late")))
        late.has_ended_within(_GRACE_S)

        early.rollback()
        late.result()

        assert [event.aggregate_id for event in _read(store)] == ["late"]

    def test_a_reader_beside_many_writers_sees_every_event_once_and_in_order(
        self, store: Store
    ) -> None:
        writers, each = 4, 12

        def write(writer: int) -> Callable[[], None]:
            def append_all() -> None:
                for version in range(1, each + 1):
                    _append(store, an_event(f"p-{writer}", version))

            return append_all

        running = [Beside(write(writer)) for writer in range(writers)]
        found: list[StoredEvent] = []
        finished = False
        while not finished:
            # Asked before reading: what the last writer committed is read after it ended.
            finished = all(writer.has_ended_within(0) for writer in running)
            last = found[-1].position if found else 0
            found.extend(_read(store, after=last, limit=7))
        while more := _read(store, after=found[-1].position, limit=7):
            found.extend(more)

        for one in running:
            one.result()
        positions = [event.position for event in found]
        assert positions == sorted(set(positions))
        for writer in range(writers):
            own = [event.version for event in found if event.aggregate_id == f"p-{writer}"]
            assert own == list(range(1, each + 1))

    def test_the_horizon_covers_what_is_committed(self, store: Store) -> None:
        _append(store, *some_events("p-1", 2))
        last = _read(store)[-1].position

        assert seen(store, lambda unit: unit.events.horizon()) >= last
        assert seen(store, lambda unit: unit.events.head()) >= last

    def test_the_horizon_stays_below_an_append_that_is_under_way(self, store: Store) -> None:
        _append(store, an_event("p-1", 1))
        unit = store.begin()
        unit.events.append([an_event("p-1", 2)])
        unit.flush()

        horizon = seen(store, lambda other: other.events.horizon())

        unit.commit()
        first, second = _read(store)
        assert first.position <= horizon < second.position

    def test_a_rolled_back_last_append_leaves_no_lag(self, store: Store) -> None:
        _append(store, an_event("p-1", 1))
        unit = store.begin()
        unit.events.append([an_event("p-1", 2)])
        unit.flush()
        unit.rollback()

        horizon, head = seen(store, lambda other: (other.events.horizon(), other.events.head()))

        assert horizon == head

    def test_an_empty_log_has_no_lag(self, store: Store) -> None:
        horizon, head = seen(store, lambda unit: (unit.events.horizon(), unit.events.head()))

        assert horizon == head

    def test_appending_nothing_changes_nothing(self, store: Store) -> None:
        committed(store, lambda unit: unit.events.append([]))

        assert list(_read(store)) == []


def _append(store: Store, *events: NewEvent) -> None:
    committed(store, lambda unit: unit.events.append(events))


def _load(store: Store, aggregate_id: str) -> Sequence[StoredEvent]:
    return seen(store, lambda unit: unit.events.load(STREAM, "parcel", aggregate_id))


def _read(
    store: Store,
    *,
    streams: Sequence[str] = (STREAM,),
    after: int = 0,
    until: int | None = None,
    limit: int = 100,
) -> Sequence[StoredEvent]:
    def read(unit: UnitOfWork) -> Sequence[StoredEvent]:
        return unit.events.read(streams, after=after, until=until, limit=limit)

    return seen(store, read)
