"""A restored event log goes on after everything that anybody has seen of it."""

import pytest
import sqlalchemy as sa

from adapters.sql.restoring import move_positions_on
from adapters.sql.store import SqlStore
from tests.adapters.sql.stores import PostgresqlFixtures, SqlFixtures, SqliteFixtures
from tests.suites.builders import an_event
from tests.suites.store_fixtures import committed, seen

FORGET = {
    "postgresql": "SELECT setval('runtime_event_position_seq', 1, false)",
    "sqlite": "DELETE FROM sqlite_sequence WHERE name = 'runtime_event'",
}


def append(store: SqlStore, aggregate_id: str) -> None:
    committed(store, lambda unit: unit.events.append([an_event(aggregate_id=aggregate_id)]))


def positions(store: SqlStore) -> list[int]:
    return [
        event.position
        for event in seen(store, lambda unit: unit.events.read(["parcel"], after=0, limit=100))
    ]


def execute(store: SqlStore, statement: str) -> None:
    with store.engine().connect() as connection:
        connection.exec_driver_sql(statement)


class RestoringSuite(SqlFixtures):
    def test_a_log_whose_counter_was_not_restored_goes_on_after_its_last_event(
        self, store: SqlStore
    ) -> None:
        for aggregate_id in ("a", "b", "c"):
            append(store, aggregate_id)
        last = positions(store)[-1]
        execute(store, FORGET[store.dialect])

        assert move_positions_on(store.engine()) == last
        append(store, "d")

        assert positions(store) == [last - 2, last - 1, last, last + 1]
        assert store.verify() == []

    def test_no_event_gets_a_position_that_a_reader_has_passed(self, store: SqlStore) -> None:
        """As when the newest events are gone and the position of a projection is not."""
        append(store, "a")
        [first] = positions(store)
        self.reader_has_seen(store, first + 6)

        assert move_positions_on(store.engine()) == first + 6
        append(store, "b")

        assert positions(store) == [first, first + 7]

    def test_where_nothing_is_wrong_nothing_is_moved(self, store: SqlStore) -> None:
        assert move_positions_on(store.engine()) is None
        append(store, "a")

        assert move_positions_on(store.engine()) is None
        append(store, "b")

        first, second = positions(store)
        assert second == first + 1

    def reader_has_seen(self, store: SqlStore, position: int) -> None:
        table = sa.Table("runtime_position", sa.MetaData(), autoload_with=store.engine())
        values: dict[str, object] = {}
        for column in table.columns:
            if column.name == "position":
                values[column.name] = position
            elif column.nullable or column.server_default is not None:
                continue
            elif isinstance(column.type, sa.Integer | sa.Numeric):
                values[column.name] = 0
            else:
                values[column.name] = "running"
        with store.engine().connect() as connection:
            connection.execute(sa.insert(table).values(values))


class TestSqliteRestoring(SqliteFixtures, RestoringSuite):
    pass


class TestPostgresqlRestoring(PostgresqlFixtures, RestoringSuite):
    @pytest.mark.parametrize("drawn", [1, 2])
    def test_a_store_that_is_behind_is_not_fit_to_be_written_to(
        self, store: SqlStore, drawn: int
    ) -> None:
        for aggregate_id in ("a", "b", "c"):
            append(store, aggregate_id)
        execute(store, f"SELECT setval('runtime_event_position_seq', {drawn})")

        [fault] = store.verify()

        assert "./thicket prepare" in fault.remedy
