"""Writes whose outcome nobody asks for: sent together, and never seen missing."""

from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from adapters.memory.telemetry import RecordingTracer
from adapters.sql.connections import Write
from adapters.sql.failures import NoCurrentConnection, TransactionLost
from adapters.sql.store import SqlStore
from ports.outbound.telemetry import SpanKind
from ports.outbound.transactions import UnitOfWork
from tests.adapters.sql.stores import (
    PostgresqlFixtures,
    SqlFixtures,
    SqliteFixtures,
    a_store,
    crate_table,
)
from tests.suites.builders import a_delivery
from tests.suites.repository_suite import CRATE
from tests.suites.store_fixtures import committed

PACK = sa.insert(crate_table)
MOVE = (
    sa.update(crate_table)
    .where(crate_table.c.crate_id == sa.bindparam("of_crate"))
    .values(address=sa.bindparam("to"))
)


class CollectedWritesTests(SqlFixtures):
    @pytest.fixture
    def tracer(self) -> RecordingTracer:
        return RecordingTracer()

    @pytest.fixture
    def traced(self, url: str, tracer: RecordingTracer) -> Iterator[SqlStore]:
        with closing(a_store(url, tracer=tracer)) as store:
            yield store

    def test_rows_are_committed_with_the_rest(self, store: SqlStore) -> None:
        def write(unit: UnitOfWork) -> None:
            unit.messages.add(a_delivery())
            for number in range(3):
                pack(store, f"c-{number}")

        committed(store, write)

        assert crates(store) == {"c-0": "shelf", "c-1": "shelf", "c-2": "shelf"}

    def test_rows_are_rolled_back_with_the_rest(self, store: SqlStore) -> None:
        unit = store.begin()
        pack(store, "c-1")

        unit.rollback()

        assert crates(store) == {}

    def test_rows_of_one_statement_are_sent_together(
        self, traced: SqlStore, tracer: RecordingTracer
    ) -> None:
        def write(unit: UnitOfWork) -> None:
            for number in range(50):
                pack(traced, f"c-{number}")

        committed(traced, write)

        sent = [span.name for span in tracer.finished if span.kind is SpanKind.CLIENT]
        assert sent.count("INSERT crate") == 1
        assert len(crates(traced)) == 50

    def test_statements_keep_their_order(self, store: SqlStore) -> None:
        def write(unit: UnitOfWork) -> None:
            pack(store, "c-1")
            move(store, "c-1", "dock")
            pack(store, "c-2")
            move(store, "c-1", "lorry")
            move(store, "c-2", "dock")

        committed(store, write)

        assert crates(store) == {"c-1": "lorry", "c-2": "dock"}

    def test_rows_with_other_columns_lose_none_of_them(self, store: SqlStore) -> None:
        statement: Write = sa.insert(crate_table).values(stops=[])

        def write(unit: UnitOfWork) -> None:
            row = {"crate_id": "c-1", "address": "shelf", "version": 1}
            store.connections.write(statement, row)
            store.connections.write(statement, {**row, "crate_id": "c-2", "stops": ["dock"]})

        committed(store, write)

        with store.reading():
            found = store.connections.current().execute(
                sa.select(crate_table.c.stops).order_by(crate_table.c.crate_id)
            )
            assert found.scalars().all() == [[], ["dock"]]

    def test_more_rows_than_are_sent_at_once_are_all_written(self, store: SqlStore) -> None:
        def write(unit: UnitOfWork) -> None:
            for number in range(2_500):
                pack(store, f"c-{number}")

        committed(store, write)

        assert len(crates(store)) == 2_500

    def test_whoever_reads_sees_what_waits(self, store: SqlStore) -> None:
        unit = store.begin()
        connection = store.connections.current()
        pack(store, "c-1")

        found = connection.execute(sa.select(crate_table.c.crate_id)).scalars().all()

        assert found == ["c-1"]
        unit.rollback()

    def test_a_driver_s_statement_sees_what_waits(self, store: SqlStore) -> None:
        unit = store.begin()
        connection = store.connections.current()
        pack(store, "c-1")

        found = connection.exec_driver_sql("SELECT crate_id FROM crate").scalars().all()

        assert found == ["c-1"]
        unit.rollback()

    def test_an_aggregate_is_loaded_with_what_waits(self, store: SqlStore) -> None:
        unit = store.begin()
        pack(store, "c-1")

        assert unit.aggregates(CRATE).find("c-1") is not None
        unit.rollback()

    def test_what_is_written_in_a_savepoint_goes_with_it(self, store: SqlStore) -> None:
        def write(unit: UnitOfWork) -> None:
            pack(store, "c-1")
            with store.connections.current().begin_nested() as savepoint:
                pack(store, "c-2")
                savepoint.rollback()
            pack(store, "c-3")

        committed(store, write)

        assert set(crates(store)) == {"c-1", "c-3"}

    def test_what_waits_before_a_savepoint_outlives_it(self, store: SqlStore) -> None:
        def write(unit: UnitOfWork) -> None:
            connection = store.connections.current()
            pack(store, "c-1")
            with connection.begin_nested() as savepoint:
                savepoint.rollback()

        committed(store, write)

        assert set(crates(store)) == {"c-1"}

    def test_a_part_that_is_given_up_takes_its_waiting_rows_along(self, store: SqlStore) -> None:
        def write(unit: UnitOfWork) -> None:
            pack(store, "c-1")
            mark = unit.mark()
            pack(store, "c-2")
            unit.return_to(mark)
            pack(store, "c-3")

        committed(store, write)

        assert set(crates(store)) == {"c-1", "c-3"}

    def test_rows_from_before_a_part_may_be_sent_within_it(self, store: SqlStore) -> None:
        def write(unit: UnitOfWork) -> None:
            pack(store, "c-1")
            mark = unit.mark()
            store.connections.current().execute(sa.select(crate_table.c.crate_id))
            unit.return_to(mark)

        committed(store, write)

        assert set(crates(store)) == {"c-1"}

    def test_nothing_is_kept_when_rows_of_a_part_that_is_given_up_were_sent(
        self, store: SqlStore
    ) -> None:
        unit = store.begin()
        mark = unit.mark()
        pack(store, "c-1")
        store.connections.current().execute(sa.select(crate_table.c.crate_id))
        unit.return_to(mark)

        with pytest.raises(TransactionLost):
            unit.commit()

        assert crates(store) == {}

    def test_what_the_database_refuses_keeps_nothing(self, store: SqlStore) -> None:
        unit = store.begin()
        pack(store, "c-1")
        pack(store, "c-2")
        pack(store, "c-1")

        with pytest.raises(sa.exc.IntegrityError):
            unit.commit()

        assert crates(store) == {}

    def test_outside_of_a_unit_of_work_nothing_is_collected(self, store: SqlStore) -> None:
        with pytest.raises(NoCurrentConnection):
            pack(store, "c-1")
        with store.reading(), pytest.raises(NoCurrentConnection):
            pack(store, "c-1")


class TestCollectedWritesOnSqlite(SqliteFixtures, CollectedWritesTests):
    pass


class TestCollectedWritesOnPostgresql(PostgresqlFixtures, CollectedWritesTests):
    pass


def pack(store: SqlStore, crate_id: str) -> None:
    row = {"crate_id": crate_id, "address": "shelf", "stops": [], "version": 1}
    store.connections.write(PACK, row)


def move(store: SqlStore, crate_id: str, to: str) -> None:
    store.connections.write(MOVE, {"of_crate": crate_id, "to": to})


def crates(store: SqlStore) -> dict[str, str]:
    """The address of each."""
    with store.reading():
        found = store.connections.current().execute(
            sa.select(crate_table.c.crate_id, crate_table.c.address)
        )
        return {row.crate_id: row.address for row in found}
