"""What every repository of state-stored aggregates owes."""

import threading
from dataclasses import dataclass, field

import pytest

from ports.errors import ConcurrencyConflict
from ports.inbound.aggregates import RecordsEvents, aggregate
from ports.outbound.transactions import Store, UnitOfWork
from tests.suites.beside import at_once
from tests.suites.builders import an_event
from tests.suites.store_fixtures import StoreFixtures, committed, seen

CRATE = "crate"


@aggregate(CRATE, identifier="crate_id")
@dataclass(kw_only=True)
class Crate(RecordsEvents):
    """The state-stored aggregate of this suite; compares by its three fields."""

    crate_id: str
    address: str
    stops: list[str] = field(default_factory=list)


class RepositorySuite(StoreFixtures):
    """Needs the fixture ``store`` of :class:`StoreFixtures`, made so that ``aggregates("crate")``
    keeps :class:`Crate`: identifier ``crate_id``, ``address`` a text, ``stops`` a list of texts."""

    def test_what_was_never_saved_is_not_found(self, store: Store) -> None:
        assert seen(store, lambda unit: unit.aggregates(CRATE).find("c-1")) is None

    def test_a_new_instance_has_version_1(self, store: Store) -> None:
        committed(store, lambda unit: _save(unit, _a_crate(), 0))

        assert _found(store) == (_a_crate(), 1)

    def test_each_save_raises_the_version(self, store: Store) -> None:
        committed(store, lambda unit: _save(unit, _a_crate("Hamburg"), 0))
        committed(store, lambda unit: _save(unit, _a_crate("Bremen"), 1))
        committed(store, lambda unit: _save(unit, _a_crate("Bremen", "Celle"), 2))

        assert _found(store) == (_a_crate("Bremen", "Celle"), 3)

    def test_the_same_unit_of_work_finds_what_it_saved(self, store: Store) -> None:
        unit = store.begin()
        _save(unit, _a_crate("Hamburg"), 0)
        created = unit.aggregates(CRATE).find("c-1")
        _save(unit, _a_crate("Bremen"), 1)
        changed = unit.aggregates(CRATE).find("c-1")

        assert created is not None
        assert (created.aggregate, created.version) == (_a_crate("Hamburg"), 1)
        assert changed is not None
        assert (changed.aggregate, changed.version) == (_a_crate("Bremen"), 2)
        unit.rollback()

    def test_nobody_else_finds_what_is_not_committed(self, store: Store) -> None:
        unit = store.begin()
        _save(unit, _a_crate(), 0)
        unit.flush()

        assert seen(store, lambda other: other.aggregates(CRATE).find("c-1")) is None

        unit.rollback()
        assert seen(store, lambda other: other.aggregates(CRATE).find("c-1")) is None

    def test_a_stale_save_is_a_conflict_that_names_the_instance(self, store: Store) -> None:
        committed(store, lambda unit: _save(unit, _a_crate("Hamburg"), 0))
        committed(store, lambda unit: _save(unit, _a_crate("Bremen"), 1))

        with pytest.raises(ConcurrencyConflict) as conflict:
            committed(store, lambda unit: _save(unit, _a_crate("Celle"), 1))

        assert conflict.value.aggregate == CRATE
        assert conflict.value.identifier == "c-1"
        assert conflict.value.expected_version == 1
        assert _found(store) == (_a_crate("Bremen"), 2)

    def test_creating_what_is_there_is_a_conflict(self, store: Store) -> None:
        committed(store, lambda unit: _save(unit, _a_crate("Hamburg"), 0))

        with pytest.raises(ConcurrencyConflict):
            committed(store, lambda unit: _save(unit, _a_crate("Bremen"), 0))

        assert _found(store) == (_a_crate("Hamburg"), 1)

    def test_changing_what_is_not_there_is_a_conflict(self, store: Store) -> None:
        with pytest.raises(ConcurrencyConflict):
            committed(store, lambda unit: _save(unit, _a_crate(), 1))

        assert seen(store, lambda unit: unit.aggregates(CRATE).find("c-1")) is None

    def test_nothing_is_kept_when_one_of_several_saves_conflicts(self, store: Store) -> None:
        committed(store, lambda unit: _save(unit, _a_crate(), 0))

        def save_two(unit: UnitOfWork) -> None:
            other = Crate(crate_id="c-0", address="Ulm")
            unit.aggregates(CRATE).save("c-0", other, expected_version=0)
            _save(unit, _a_crate("Bremen"), 7)

        with pytest.raises(ConcurrencyConflict):
            committed(store, save_two)

        assert seen(store, lambda unit: unit.aggregates(CRATE).find("c-0")) is None

    def test_a_conflict_of_a_saved_aggregate_is_noticed_before_one_of_events(
        self, store: Store
    ) -> None:
        committed(store, lambda unit: unit.events.append([an_event("p-1")]))
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        _save(unit, _a_crate(), 1)

        with pytest.raises(ConcurrencyConflict) as conflict:
            unit.commit()

        assert conflict.value.aggregate == CRATE

    def test_of_those_who_change_the_same_instance_at_once_one_succeeds(self, store: Store) -> None:
        committed(store, lambda unit: _save(unit, _a_crate(), 0))
        both_found = threading.Barrier(2)

        def change() -> str:
            unit = store.begin()
            try:
                found = unit.aggregates(CRATE).find("c-1")
                assert found is not None
                both_found.wait(10)
                _save(unit, _a_crate("Bremen"), found.version)
                unit.commit()
            except ConcurrencyConflict:
                return "conflict"
            finally:
                unit.rollback()
            return "changed"

        assert sorted(map(str, at_once(change, change))) == ["changed", "conflict"]
        assert _found(store) == (_a_crate("Bremen"), 2)

    def test_every_find_gives_an_object_of_its_own(self, store: Store) -> None:
        committed(store, lambda unit: _save(unit, _a_crate("Hamburg", "Ulm"), 0))
        unit = store.begin()
        first = unit.aggregates(CRATE).find("c-1")
        assert first is not None
        assert isinstance(first.aggregate, Crate)

        first.aggregate.address = "changed and never saved"
        first.aggregate.stops.append("nowhere")

        second = unit.aggregates(CRATE).find("c-1")
        assert second is not None
        assert second.aggregate == _a_crate("Hamburg", "Ulm")
        unit.commit()
        assert _found(store) == (_a_crate("Hamburg", "Ulm"), 1)

    def test_recorded_events_are_not_stored_with_the_aggregate(self, store: Store) -> None:
        crate = _a_crate()
        crate.record("crate was packed")
        committed(store, lambda unit: _save(unit, crate, 0))

        found, _ = _found(store)

        assert isinstance(found, Crate)
        assert found.pull_events() == []
        assert crate.pull_events() == ["crate was packed"]


def _a_crate(address: str = "Hamburg", *stops: str) -> Crate:
    return Crate(crate_id="c-1", address=address, stops=list(stops))


def _save(unit: UnitOfWork, crate: Crate, expected_version: int) -> None:
    unit.aggregates(CRATE).save(crate.crate_id, crate, expected_version=expected_version)


def _found(store: Store) -> tuple[object, int]:
    found = seen(store, lambda unit: unit.aggregates(CRATE).find("c-1"))
    assert found is not None
    return found.aggregate, found.version
