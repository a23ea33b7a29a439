"""What every implementation of the positions of projections owes."""

from dataclasses import replace
from datetime import timedelta

from ports.outbound.positions import Position, ProjectionStatus
from ports.outbound.transactions import Store, UnitOfWork
from tests.suites.beside import Beside, at_once
from tests.suites.builders import SENT_AT
from tests.suites.store_fixtures import MakeTimePass, StoreFixtures, committed, seen

NAME = "parcel_list"
LEASE_S = 60.0


class PositionsSuite(StoreFixtures):
    """Needs ``store``, ``another_store`` and ``make_time_pass`` of :class:`StoreFixtures`."""

    def test_a_projection_that_never_ran_has_no_position(self, store: Store) -> None:
        assert _find(store) is None

    def test_locking_makes_a_missing_row_that_begins_at_nothing(self, store: Store) -> None:
        locked = committed(store, lambda unit: unit.positions.lock(NAME))

        assert locked == Position(projection=NAME, position=0)
        assert _find(store) == locked

    def test_a_position_comes_back_as_it_was_saved(self, store: Store) -> None:
        position = Position(
            projection=NAME,
            position=17,
            status=ProjectionStatus.FAILED,
            error="ValueError: no such parcel",
            rebuild_target=40,
            advanced_at=SENT_AT,
        )

        _save(store, position)

        assert _find(store) == position
        assert committed(store, lambda unit: unit.positions.lock(NAME)) == position

    def test_saving_again_replaces_all_of_it(self, store: Store) -> None:
        first = Position(
            projection=NAME, position=17, status=ProjectionStatus.FAILED, error="no such parcel"
        )
        _save(store, first)
        second = Position(projection=NAME, position=18, advanced_at=SENT_AT)

        _save(store, second)

        assert _find(store) == second

    def test_the_same_unit_of_work_finds_what_it_saved(self, store: Store) -> None:
        position = Position(projection=NAME, position=5)
        unit = store.begin()
        unit.positions.save(position)

        assert unit.positions.find(NAME) == position
        assert unit.positions.lock(NAME) == position

        unit.rollback()
        assert _find(store) is None

    def test_projections_and_contexts_have_positions_of_their_own(
        self, store: Store, another_store: Store
    ) -> None:
        _save(store, Position(projection=NAME, position=5))
        _save(store, Position(projection="letter_list", position=6))
        _save(another_store, Position(projection=NAME, position=7))

        assert _found_position(store) == 5
        assert _found_position(store, "letter_list") == 6
        assert _found_position(another_store) == 7

    def test_who_locks_waits_for_the_one_before_and_sees_the_result(self, store: Store) -> None:
        _save(store, Position(projection=NAME, position=1))
        first = store.begin()
        position = first.positions.lock(NAME)

        second = Beside(lambda: committed(store, lambda unit: unit.positions.lock(NAME)))
        assert not second.has_ended_within(0.2)
        first.positions.save(replace(position, position=2))
        first.commit()

        assert second.result().position == 2

    def test_a_lock_ends_with_a_rollback(self, store: Store) -> None:
        first = store.begin()
        first.positions.lock(NAME)
        second = Beside(lambda: committed(store, lambda unit: unit.positions.lock(NAME)))

        first.rollback()

        assert second.result() == Position(projection=NAME, position=0)

    def test_finding_does_not_wait_for_a_lock(self, store: Store) -> None:
        _save(store, Position(projection=NAME, position=1))
        unit = store.begin()
        locked = unit.positions.lock(NAME)
        unit.positions.save(replace(locked, position=2))
        unit.flush()

        assert _found_position(store) == 1

        unit.commit()
        assert _found_position(store) == 2

    def test_no_batch_is_counted_twice_or_lost_by_runners_at_once(self, store: Store) -> None:
        def run(unit: UnitOfWork) -> None:
            position = unit.positions.lock(NAME)
            unit.positions.save(replace(position, position=position.position + 1))

        def run_often() -> None:
            for _ in range(5):
                committed(store, run)

        assert at_once(run_often, run_often, run_often) == [None, None, None]
        assert _found_position(store) == 15

    def test_a_wake_up_flag_is_set_once(self, store: Store) -> None:
        assert _wake(store)
        assert not _wake(store)

    def test_a_runner_that_has_begun_can_be_followed_by_another(self, store: Store) -> None:
        _wake(store)

        committed(store, lambda unit: unit.positions.awake(NAME))

        assert _wake(store)
        assert not _wake(store)

    def test_a_wake_up_flag_is_worth_nothing_after_its_lease(
        self, store: Store, make_time_pass: MakeTimePass
    ) -> None:
        _wake(store)
        make_time_pass(timedelta(seconds=LEASE_S / 2))
        assert not _wake(store)

        make_time_pass(timedelta(seconds=LEASE_S / 2 + 1))

        assert _wake(store)

    def test_a_wake_up_that_is_rolled_back_never_was(self, store: Store) -> None:
        unit = store.begin()
        assert unit.positions.wake(NAME, lease_seconds=LEASE_S)

        unit.rollback()

        assert _wake(store)

    def test_of_those_who_wake_at_once_one_sets_the_flag(self, store: Store) -> None:
        outcomes = at_once(*(lambda: _wake(store),) * 3)

        assert sorted(map(str, outcomes)) == ["False", "False", "True"]

    def test_wake_up_flags_belong_to_one_projection_of_one_context(
        self, store: Store, another_store: Store
    ) -> None:
        _wake(store)

        assert _wake(another_store)
        assert committed(
            store, lambda unit: unit.positions.wake("letter_list", lease_seconds=LEASE_S)
        )

    def test_waking_and_saving_do_not_disturb_each_other(self, store: Store) -> None:
        position = Position(projection=NAME, position=5, advanced_at=SENT_AT)
        _save(store, position)
        _wake(store)
        _save(store, replace(position, position=6))

        assert not _wake(store)
        assert _find(store) == replace(position, position=6)

    def test_clearing_a_flag_that_was_never_set_is_harmless(self, store: Store) -> None:
        committed(store, lambda unit: unit.positions.awake(NAME))

        assert _wake(store)


class ConcurrentPositionsSuite(StoreFixtures):
    """For stores in which several may write at a time. Needs ``store``."""

    def test_waking_does_not_wait_for_who_feeds_the_projection(self, store: Store) -> None:
        feeding = store.begin()
        feeding.positions.lock(NAME)
        waking = Beside(lambda: _wake(store))

        ended = waking.has_ended_within(5)

        feeding.rollback()
        assert ended
        assert waking.result()

    def test_projections_are_fed_beside_each_other(self, store: Store) -> None:
        feeding = store.begin()
        feeding.positions.lock(NAME)
        other = Beside(lambda: committed(store, lambda unit: unit.positions.lock("letter_list")))

        ended = other.has_ended_within(5)

        feeding.rollback()
        assert ended
        assert other.result().position == 0


def _save(store: Store, position: Position) -> None:
    committed(store, lambda unit: unit.positions.save(position))


def _find(store: Store, projection: str = NAME) -> Position | None:
    return seen(store, lambda unit: unit.positions.find(projection))


def _found_position(store: Store, projection: str = NAME) -> int:
    found = _find(store, projection)
    assert found is not None
    return found.position


def _wake(store: Store) -> bool:
    return committed(store, lambda unit: unit.positions.wake(NAME, lease_seconds=LEASE_S))
