"""What the unit of work in SQL promises beyond the port: few statements, a connection lent to
SQLAlchemy, nothing kept of what failed."""

from contextlib import closing

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from adapters.memory.telemetry import RecordingTracer
from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.failures import (
    NoCurrentConnection,
    NotYoursToEnd,
    StatementFailed,
    TransactionLost,
    UnitOfWorkEnded,
)
from adapters.sql.store import SqlStore
from ports.errors import AlreadyDelivered, ConcurrencyConflict
from ports.outbound.telemetry import SpanKind
from tests.adapters.sql.stores import (
    PostgresqlFixtures,
    SqlFixtures,
    SqliteFixtures,
    a_store,
    crate_table,
)
from tests.suites.builders import a_delivery, an_event, some_events
from tests.suites.repository_suite import CRATE, Crate
from tests.suites.store_fixtures import committed, seen

STREAM = "parcel"


class UnitOfWorkTests(SqlFixtures):
    def test_a_lent_connection_sees_what_is_buffered(self, store: SqlStore) -> None:
        unit = store.begin()
        unit.aggregates(CRATE).save("c-1", _a_crate("c-1"), expected_version=0)

        rows = store.connections.current().execute(sa.select(crate_table.c.crate_id)).all()

        assert rows == [("c-1",)]
        unit.rollback()

    def test_what_is_written_on_a_lent_connection_is_committed_with_the_rest(
        self, store: SqlStore
    ) -> None:
        def write(unit: object) -> None:
            store.connections.current().execute(_insert_crate("c-1"))

        committed(store, write)

        assert _crate_ids(store) == ["c-1"]

    def test_what_is_written_on_a_lent_connection_is_rolled_back_with_the_rest(
        self, store: SqlStore
    ) -> None:
        unit = store.begin()
        store.connections.current().execute(_insert_crate("c-1"))

        unit.rollback()

        assert _crate_ids(store) == []

    @pytest.mark.parametrize("ending", ["commit", "rollback", "close"])
    def test_who_borrows_a_connection_cannot_end_its_transaction(
        self, store: SqlStore, ending: str
    ) -> None:
        unit = store.begin()
        connection = store.connections.current()
        connection.execute(_insert_crate("c-1"))

        with pytest.raises(NotYoursToEnd):
            getattr(connection, ending)()

        unit.rollback()
        assert _crate_ids(store) == []

    def test_a_lent_connection_is_of_no_use_after_the_unit_of_work(self, store: SqlStore) -> None:
        unit = store.begin()
        connection = store.connections.current()
        unit.commit()

        with pytest.raises(sa.exc.ResourceClosedError):
            connection.execute(_insert_crate("c-1"))

        assert _crate_ids(store) == []

    def test_a_part_that_may_fail_goes_into_a_savepoint(self, store: SqlStore) -> None:
        def write(unit: object) -> None:
            connection = store.connections.current()
            connection.execute(_insert_crate("c-1"))
            with pytest.raises(sa.exc.IntegrityError), connection.begin_nested():
                connection.execute(_insert_crate("c-1"))
            connection.execute(_insert_crate("c-2"))

        committed(store, write)

        assert _crate_ids(store) == ["c-1", "c-2"]

    def test_an_orm_session_joins_the_unit_of_work(self, store: SqlStore) -> None:
        def write(unit: object) -> None:
            with Session(bind=store.connections.current()) as session:
                session.execute(_insert_crate("c-1"))
                session.commit()

        committed(store, write)

        assert _crate_ids(store) == ["c-1"]

    def test_an_orm_session_cannot_roll_the_unit_of_work_back(self, store: SqlStore) -> None:
        unit = store.begin()
        session = Session(bind=store.connections.current())
        session.execute(_insert_crate("c-1"))

        with pytest.raises(NotYoursToEnd):
            session.rollback()

        unit.rollback()

    def test_without_a_unit_of_work_or_a_reading_no_connection_is_lent(
        self, store: SqlStore
    ) -> None:
        with pytest.raises(NoCurrentConnection):
            store.connections.current()

    def test_the_reads_of_a_reading_share_a_connection(self, store: SqlStore) -> None:
        committed(
            store,
            lambda unit: unit.aggregates(CRATE).save("c-1", _a_crate("c-1"), expected_version=0),
        )

        with store.reading():
            first = store.connections.current()
            with store.reading():
                again = store.connections.current()
            assert first.execute(sa.select(crate_table.c.crate_id)).all() == [("c-1",)]

        assert again is first
        with pytest.raises(NoCurrentConnection):
            store.connections.current()

    def test_nothing_is_written_in_a_reading(self, store: SqlStore) -> None:
        with store.reading(), pytest.raises(NotYoursToEnd):
            store.connections.current().execute(_insert_crate("c-1"))

        assert _crate_ids(store) == []

    def test_a_unit_of_work_within_a_reading_has_a_connection_of_its_own(
        self, store: SqlStore
    ) -> None:
        with store.reading():
            store.connections.current()
            unit = store.begin()
            store.connections.current().execute(_insert_crate("c-1"))
            unit.commit()

            assert store.connections.current().execute(sa.select(crate_table.c.crate_id)).all() == [
                ("c-1",)
            ]

    def test_a_unit_of_work_that_ended_takes_nothing_more(self, store: SqlStore) -> None:
        unit = store.begin()
        unit.commit()

        with pytest.raises(UnitOfWorkEnded):
            unit.messages.add(a_delivery())
        with pytest.raises(UnitOfWorkEnded):
            unit.events.load(STREAM, STREAM, "p-1")
        with pytest.raises(UnitOfWorkEnded):
            unit.commit()

    def test_hundreds_of_rows_are_committed_in_their_order(self, store: SqlStore) -> None:
        events = [*some_events("p-1", 300), *some_events("p-2", 200)]
        deliveries = [a_delivery() for _ in range(300)]

        def write(unit: object) -> None:
            current = store.current()
            assert current is not None
            current.events.append(events)
            for delivery in deliveries:
                current.messages.add(delivery)
                current.deliveries.done(delivery)

        committed(store, write)

        found = seen(store, lambda unit: unit.events.read([STREAM], after=0, limit=1000))
        assert [(event.aggregate_id, event.version) for event in found] == [
            (event.aggregate_id, event.version) for event in events
        ]
        rows = self._rows(store, "SELECT message_id FROM runtime_message ORDER BY id")
        assert [row[0] for row in rows] == [
            delivery.envelope.metadata.id for delivery in deliveries
        ]

    def test_versions_of_several_instances_are_checked_in_one_append(self, store: SqlStore) -> None:
        committed(store, lambda unit: unit.events.append(some_events("p-1", 2)))
        unit = store.begin()
        unit.events.append([an_event("p-1", 3), an_event("p-2", 1), an_event("p-3", 2)])

        with pytest.raises(ConcurrencyConflict):
            unit.commit()

        found = seen(store, lambda unit: unit.events.read([STREAM], after=0, limit=10))
        assert len(found) == 2

    def test_one_duplicate_in_a_batch_keeps_all_of_the_batch_out(self, store: SqlStore) -> None:
        batch = [a_delivery() for _ in range(5)]
        committed(store, lambda unit: unit.deliveries.done(batch[3]))
        unit = store.begin()
        for delivery in batch:
            unit.deliveries.done(delivery)
        unit.events.append([an_event("p-1")])

        with pytest.raises(AlreadyDelivered):
            unit.commit()

        first = batch[0].envelope.metadata.id
        assert seen(store, lambda other: other.deliveries.find(first, batch[0].endpoint)) is None
        assert self._rows(store, "SELECT 1 FROM runtime_event") == []

    def test_a_delivery_twice_in_a_batch_is_a_duplicate(self, store: SqlStore) -> None:
        delivery = a_delivery()
        unit = store.begin()
        unit.deliveries.done(delivery)
        unit.deliveries.done(delivery)

        with pytest.raises(AlreadyDelivered):
            unit.commit()

    @pytest.mark.parametrize("count", [1, 2, 5])
    def test_a_conflict_of_one_aggregate_keeps_out_everything(
        self, store: SqlStore, count: int
    ) -> None:
        last = f"c-{count}"
        committed(
            store,
            lambda unit: unit.aggregates(CRATE).save(last, _a_crate(last), expected_version=0),
        )
        done = a_delivery()
        unit = store.begin()
        unit.deliveries.done(done)
        for number in range(1, count + 1):
            name = f"c-{number}"
            unit.aggregates(CRATE).save(name, _a_crate(name), expected_version=0)
        unit.events.append([an_event("p-1")])
        unit.messages.add(a_delivery())

        with pytest.raises(ConcurrencyConflict) as conflict:
            unit.commit()

        assert conflict.value.identifier == last
        assert _crate_ids(store) == [last]
        assert self._rows(store, "SELECT 1 FROM runtime_event") == []
        assert self._rows(store, "SELECT 1 FROM runtime_message") == []
        assert self._rows(store, "SELECT 1 FROM runtime_delivery") == []

    @pytest.mark.parametrize("count", [2, 5])
    def test_several_aggregates_are_changed_in_one_commit(
        self, store: SqlStore, count: int
    ) -> None:
        names = [f"c-{number}" for number in range(count)]
        for version in range(2):
            unit = store.begin()
            for name in names:
                crate = _a_crate(name, address=f"dock {version}")
                unit.aggregates(CRATE).save(name, crate, expected_version=version)
            unit.commit()

        rows = self._rows(store, "SELECT crate_id, address, version FROM crate ORDER BY crate_id")
        assert rows == [(name, "dock 1", 2) for name in names]

    def test_text_that_no_database_takes_is_refused_and_nothing_is_kept(
        self, store: SqlStore
    ) -> None:
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        unit.messages.add(a_delivery(key="half of a pair \ud800"))

        with pytest.raises(StatementFailed):
            unit.commit()

        assert self._rows(store, "SELECT 1 FROM runtime_event") == []
        committed(store, lambda unit: unit.events.append([an_event("p-1")]))

    def test_an_event_sourced_command_takes_few_statements_that_show_no_value(
        self, url: str
    ) -> None:
        tracer = RecordingTracer()
        with closing(a_store(url, tracer=tracer)) as store:
            unit = store.begin()
            unit.events.load(STREAM, STREAM, "secret-1")
            unit.events.append([an_event("secret-1")])
            unit.messages.add(a_delivery())
            unit.commit()

        names = [span.name for span in tracer.finished]
        assert names == self.expected_spans
        assert {span.kind for span in tracer.finished} == {SpanKind.CLIENT}
        assert "secret" not in repr(tracer.finished)

    def test_statements_of_adapters_are_spans_that_show_no_value(self, url: str) -> None:
        tracer = RecordingTracer()
        with closing(a_store(url, tracer=tracer)) as store, store.reading():
            store.connections.current().execute(
                sa.select(crate_table).where(crate_table.c.crate_id == "secret")
            )

        assert [span.name for span in tracer.finished] == ["SELECT crate"]
        assert "secret" not in repr(tracer.finished)

    def test_a_connection_that_was_used_without_a_tracer_first_is_traced_from_then_on(
        self, url: str
    ) -> None:
        tracer = RecordingTracer()
        with closing(a_store(url, tracer=tracer)) as store:
            with DeploymentDatabase(store.engine).single() as connection:
                connection.exec_driver_sql("SELECT 1")
            unit = store.begin()
            unit.messages.add(a_delivery())
            unit.commit()

        assert tracer.finished[-1].attributes["db.query.summary"] == "INSERT runtime_message"

    expected_spans: list[str]

    def _rows(self, store: SqlStore, query: str) -> list[tuple[object, ...]]:
        with store.engine().connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]


class TestUnitOfWorkOnSqlite(SqliteFixtures, UnitOfWorkTests):
    expected_spans = [
        "SELECT runtime_event",
        "INSERT runtime_event",
        "INSERT runtime_message",
    ]


class TestUnitOfWorkOnPostgresql(PostgresqlFixtures, UnitOfWorkTests):
    expected_spans = ["SELECT runtime_event", "flush: 1 event, 1 message"]

    def test_a_failure_that_was_caught_by_the_way_cannot_be_committed(
        self, store: SqlStore
    ) -> None:
        unit = store.begin()
        connection = store.connections.current()
        connection.execute(_insert_crate("c-1"))
        with pytest.raises(sa.exc.IntegrityError):
            connection.execute(_insert_crate("c-1"))

        with pytest.raises(TransactionLost):
            unit.commit()

        assert _crate_ids(store) == []

    def test_a_zero_byte_in_a_key_is_refused_and_never_cut_off(self, store: SqlStore) -> None:
        unit = store.begin()
        unit.events.append([an_event("p-1\0and more")])

        with pytest.raises(StatementFailed):
            unit.commit()

        assert self._rows(store, "SELECT 1 FROM runtime_event") == []


def _a_crate(crate_id: str, *, address: str = "dock 0") -> Crate:
    return Crate(crate_id=crate_id, address=address)


def _insert_crate(crate_id: str) -> sa.Insert:
    return sa.insert(crate_table).values(crate_id=crate_id, address="dock", stops=[], version=1)


def _crate_ids(store: SqlStore) -> list[str]:
    with store.engine().connect() as connection:
        rows = connection.execute(sa.select(crate_table.c.crate_id).order_by("crate_id"))
        return list(rows.scalars())
