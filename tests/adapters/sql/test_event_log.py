"""No event is skipped on PostgreSQL, however its writers commit; and a naive reader would."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import pytest
import sqlalchemy as sa

from adapters.sql import event_store
from adapters.sql.postgresql_chain import Shape, chain_of
from adapters.sql.rows import event_values
from adapters.sql.store import SqlStore
from adapters.sql.unit_of_work import SqlUnitOfWork
from ports.errors import ConcurrencyConflict
from ports.outbound.event_store import StoredEvent
from tests.adapters.sql.plans import explained, rows_touched
from tests.adapters.sql.stores import PostgresqlFixtures, a_store, engine_of, prepare
from tests.suites.beside import Beside, elsewhere
from tests.suites.builders import an_event
from tests.suites.store_fixtures import committed, seen
from tests.support.servers import fresh_postgres_database

STREAM = "parcel"

_WRITERS = 6
_HOT_INSTANCES = 4
_SECONDS = 2.5
_LONGEST_PAUSE_S = 0.03
_ROLLED_BACK = 0.1


class TestFence(PostgresqlFixtures):
    def test_what_commits_behind_an_append_under_way_stays_out_of_sight_until_that_ends(
        self, store: SqlStore
    ) -> None:
        with _appending(store, "slow") as slow:
            _append(store, "quick")

            assert _read(store) == []

            slow.commit()
        assert [event.aggregate_id for event in _read(store)] == ["slow", "quick"]

    def test_a_transaction_that_has_not_yet_appended_holds_nobody_up(self, store: SqlStore) -> None:
        busy = store.begin()
        busy.begin_transaction()
        _append(store, "quick")

        assert [event.aggregate_id for event in _read(store)] == ["quick"]

        busy.rollback()

    def test_who_appended_reads_its_own_events_before_the_commit(self, store: SqlStore) -> None:
        with _appending(store, "own") as unit:
            found = unit.events.read([STREAM], after=0, limit=10)

        assert [event.aggregate_id for event in found] == ["own"]

    def test_a_fence_taken_in_a_savepoint_that_was_rolled_back_is_taken_again(
        self, store: SqlStore
    ) -> None:
        unit = store.begin()
        savepoint = store.connections.current().begin_nested()
        unit.events.append([an_event("undone")])
        unit.flush()
        savepoint.rollback()
        unit.events.append([an_event("kept")])
        unit.flush()
        _append(store, "quick")

        assert _read(store) == []

        unit.commit()
        assert [event.aggregate_id for event in _read(store)] == ["kept", "quick"]

    def test_many_appends_of_one_transaction_take_one_fence(
        self, store: SqlStore, url: str
    ) -> None:
        unit = store.begin()
        for version in range(1, 6):
            unit.events.append([an_event("p-1", version)])
            unit.flush()

        assert _advisory_locks(url) == 1

        unit.rollback()
        assert _advisory_locks(url) == 0

    def test_other_advisory_locks_hold_nobody_up(self, store: SqlStore, url: str) -> None:
        with engine_of(url) as engine, engine.connect() as connection:
            connection.exec_driver_sql("SELECT pg_advisory_lock_shared(0), pg_advisory_lock(1, 1)")
            _append(store, "quick")

            assert [event.aggregate_id for event in _read(store)] == ["quick"]

    def test_stores_in_other_databases_hold_nobody_up(self, store: SqlStore) -> None:
        with fresh_postgres_database() as other_url:
            prepare(other_url)
            with closing(a_store(other_url)) as other, _appending(other, "slow"):
                _append(store, "quick")

                assert [event.aggregate_id for event in _read(store)] == ["quick"]

    def test_of_two_who_append_the_same_version_at_once_one_wins(self, store: SqlStore) -> None:
        with _appending(store, "p-1") as first:
            second = Beside(lambda: _append(store, "p-1"))
            assert not second.has_ended_within(0.2)

            first.commit()

        with pytest.raises(ConcurrencyConflict):
            second.result()
        assert len(_read(store)) == 1


class TestYoungTables(PostgresqlFixtures):
    """Before its first ANALYZE a table has no statistics, and a plan made then may live as long as
    the connection."""

    @pytest.mark.parametrize("what", ["load", "append", "read", "any_after"])
    def test_a_long_stream_is_not_walked_for_one_instance(
        self, store: SqlStore, url: str, what: str
    ) -> None:
        events = [an_event(f"p-{number}") for number in range(1500)]
        committed(store, lambda unit: unit.events.append(events))
        key = ("post", "", STREAM, STREAM, "p-700")
        appended = ("post", "", *event_values(an_event("p-700", 2)))
        statement, values = {
            "load": (event_store.LOAD, (*key, 0)),
            "append": (chain_of(Shape(events=1, follows=1)), appended),
            "read": (event_store.READ, ([f"post::{STREAM}"], 700, 10_000, 20)),
            "any_after": (event_store.ANY_AFTER, ([f"post::{STREAM}"], 700, 10_000)),
        }[what]

        with engine_of(url) as engine, engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            plan = explained(connection, statement, values)
            connection.exec_driver_sql("ROLLBACK")

        assert rows_touched(plan) <= 25


class TestReadersBesideWriters(PostgresqlFixtures):
    """Writers write something else first and append then, as command handlers do; they commit in
    another order than they drew their positions, and some roll back."""

    def test_our_reader_misses_nothing_and_the_naive_one_does(
        self, store: SqlStore, url: str
    ) -> None:
        stop = threading.Event()
        writers = [Beside(_writer(store, stop, seed)) for seed in range(_WRITERS)]
        fenced = Beside(_reader(stop, lambda after: _read_fenced(store, after)))
        with engine_of(url) as engine:
            naive = Beside(_reader(stop, lambda after: _read_naively(engine, after)))
            time.sleep(_SECONDS)
            stop.set()
            committed_ones = {one for writer in writers for one in writer.result()}
            seen_by_us, seen_naively = fenced.result(), naive.result()

        assert len(committed_ones) > 100
        assert len(seen_by_us) == len(set(seen_by_us))
        assert set(seen_by_us) == committed_ones
        assert _inversions(seen_by_us) == []
        # The conditions are such that skipping shows; otherwise the above would prove nothing.
        assert set(seen_naively) < committed_ones


Seen = tuple[str, int]  # aggregate id and version


def _writer(store: SqlStore, stop: threading.Event, seed: int) -> Callable[[], list[Seen]]:
    chance = random.Random(seed)

    def write() -> list[Seen]:
        kept: list[Seen] = []
        while not stop.is_set():
            name = f"p-{chance.randrange(_HOT_INSTANCES)}"
            unit = store.begin()
            try:
                store.connections.current().execute(sa.text("SELECT pg_current_xact_id()"))
                version = len(unit.events.load(STREAM, STREAM, name)) + 1
                unit.events.append([an_event(name, version)])
                unit.flush()
                stop.wait(chance.random() * _LONGEST_PAUSE_S)
                if chance.random() < _ROLLED_BACK:
                    continue
                unit.commit()
                kept.append((name, version))
            except ConcurrencyConflict:
                continue
            finally:
                unit.rollback()
        return kept

    return write


def _reader(
    stop: threading.Event, read: Callable[[int], Sequence[tuple[int, Seen]]]
) -> Callable[[], list[Seen]]:
    def follow() -> list[Seen]:
        found: list[Seen] = []
        last, ended_at = 0, 0.0
        # A while longer than the writers, so that nothing is missing only because it came late.
        while not ended_at or time.monotonic() < ended_at + 0.5:
            if stop.is_set() and not ended_at:
                ended_at = time.monotonic()
            for position, one in read(last):
                found.append(one)
                last = position
        return found

    return follow


def _inversions(events: Sequence[Seen]) -> list[Seen]:
    last: dict[str, int] = {}
    wrong = []
    for name, version in events:
        if version != last.get(name, 0) + 1:
            wrong.append((name, version))
        last[name] = version
    return wrong


def _read_fenced(store: SqlStore, after: int) -> Sequence[tuple[int, Seen]]:
    unit = store.begin()
    events = unit.events.read([STREAM], after=after, limit=1000)
    unit.rollback()
    return [(event.position, (event.aggregate_id, event.version)) for event in events]


def _read_naively(engine: sa.Engine, after: int) -> Sequence[tuple[int, Seen]]:
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT position, aggregate_id, version FROM runtime_event "
                "WHERE position > :after ORDER BY position"
            ),
            {"after": after},
        ).all()
    return [(position, (name, version)) for position, name, version in rows]


@contextmanager
def _appending(store: SqlStore, name: str) -> Iterator[SqlUnitOfWork]:
    """A unit of work that has appended and not yet committed."""
    unit = store.begin()
    try:
        unit.events.append([an_event(name)])
        unit.flush()
        yield unit
    finally:
        unit.rollback()


def _append(store: SqlStore, name: str) -> None:
    elsewhere(lambda: committed(store, lambda unit: unit.events.append([an_event(name)])))


def _read(store: SqlStore) -> list[StoredEvent]:
    return list(seen(store, lambda unit: unit.events.read([STREAM], after=0, limit=100)))


def _advisory_locks(url: str) -> int:
    with engine_of(url) as engine, engine.connect() as connection:
        count: int = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        ).scalar_one()
    return count
