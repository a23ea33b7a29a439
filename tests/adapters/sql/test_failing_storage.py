"""What the core sees when the database is away, slow or dies in the middle; and processes that
die."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sql.engines import Limits
from adapters.sql.failures import StatementFailed, StoreConflict
from adapters.sql.store import SqlStore
from adapters.sql.unit_of_work import SqlUnitOfWork
from ports.errors import CommitOutcomeUnknown, ConcurrencyConflict, StoreUnavailable
from tests.adapters.sql.cutting_proxy import cutting_proxy
from tests.adapters.sql.stores import (
    CRATES,
    PostgresqlFixtures,
    SqlFixtures,
    SqliteFixtures,
    a_store,
    crate_table,
    engine_of,
    prepare,
)
from tests.suites.beside import Beside
from tests.suites.builders import a_delivery, a_failed_message, an_event
from tests.suites.repository_suite import CRATE, Crate
from tests.suites.store_fixtures import committed, seen

STREAM = "parcel"

_ROOT = Path(__file__).resolve().parents[3]

_DIES_BEFORE_THE_COMMIT = """
    import sys
    from adapters.sql.store import SqlStore
    from tests.suites.builders import a_delivery, an_event

    unit = SqlStore(sys.argv[1], "post").begin()
    unit.events.append([an_event("killed")])
    unit.deliveries.done(a_delivery(message_id="killed"))
    unit.messages.add(a_delivery())
    unit.flush()
    print("flushed", flush=True)
    sys.stdin.read()
"""


class DyingProcessTests(SqlFixtures):
    def test_nothing_is_kept_of_a_process_that_is_killed_before_its_commit(
        self, store: SqlStore, url: str
    ) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(_DIES_BEFORE_THE_COMMIT), url],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"flushed\n"
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)

        # Both wait until the database has noticed.
        committed(store, lambda unit: unit.events.append([an_event("killed")]))
        committed(store, lambda unit: unit.deliveries.done(a_delivery(message_id="killed")))

        found = seen(store, lambda unit: unit.events.read([STREAM], after=0, limit=10))
        assert len(found) == 1
        with engine_of(url) as engine, engine.connect() as connection:
            count = connection.exec_driver_sql("SELECT count(*) FROM runtime_message").scalar()
        assert count == 0

    def test_a_store_is_of_use_on_both_sides_of_a_fork(self, store: SqlStore) -> None:
        committed(store, lambda unit: unit.events.append([an_event("parent", 1)]))

        child = os.fork()
        if child == 0:
            try:
                committed(store, lambda unit: unit.events.append([an_event("child", 1)]))
                os._exit(0)
            except BaseException:  # noqa: BLE001 - the child must not go on with the tests
                os._exit(1)
        _, status = os.waitpid(child, 0)
        committed(store, lambda unit: unit.events.append([an_event("parent", 2)]))

        assert status == 0
        found = seen(store, lambda unit: unit.events.read([STREAM], after=0, limit=10))
        assert [event.aggregate_id for event in found] == ["parent", "child", "parent"]


class TestDyingProcessOnSqlite(SqliteFixtures, DyingProcessTests):
    pass


class TestDyingProcessOnPostgresql(PostgresqlFixtures, DyingProcessTests):
    pass


class TestFailingPostgresql(PostgresqlFixtures):
    def test_connections_that_the_server_closed_while_idle_are_replaced_unnoticed(
        self, store: SqlStore, url: str
    ) -> None:
        committed(store, lambda unit: unit.events.append([an_event("p-1", 1)]))
        _cut_all_connections(url)

        committed(store, lambda unit: unit.events.append([an_event("p-1", 2)]))

        assert len(seen(store, lambda unit: unit.events.load(STREAM, STREAM, "p-1"))) == 2

    def test_a_connection_that_breaks_in_a_transaction_makes_the_store_unavailable(
        self, store: SqlStore, url: str
    ) -> None:
        unit = store.begin()
        unit.events.append([an_event("p-1")])
        unit.flush()
        _cut_all_connections(url)

        with pytest.raises(StoreUnavailable):
            unit.commit()

        assert seen(store, lambda other: other.events.load(STREAM, STREAM, "p-1")) == []

    def test_a_lent_connection_that_breaks_makes_the_store_unavailable(
        self, store: SqlStore, url: str
    ) -> None:
        unit = store.begin()
        connection = store.connections.current()
        _cut_all_connections(url)

        with pytest.raises(StoreUnavailable):
            connection.execute(sa.select(crate_table))

        unit.rollback()
        committed(store, lambda other: other.events.append([an_event("p-1")]))

    def test_an_answer_that_is_lost_leaves_the_outcome_of_a_single_statement_unknown(
        self, url: str
    ) -> None:
        with cutting_proxy(url) as (proxy, cut_url), closing(a_store(cut_url)) as store:
            committed(store, lambda unit: unit.events.append([an_event("p-1", 1)]))
            unit = store.begin()
            unit.events.append([an_event("lost", 1)])
            proxy.cut_after(b"lost")

            with pytest.raises(CommitOutcomeUnknown):
                unit.commit()

            # It had taken effect: the next attempt finds out by itself.
            assert len(seen(store, lambda other: other.events.load(STREAM, STREAM, "lost"))) == 1

    def test_an_answer_that_is_lost_leaves_the_outcome_of_a_commit_unknown(self, url: str) -> None:
        with cutting_proxy(url) as (proxy, cut_url), closing(a_store(cut_url)) as store:
            unit = store.begin()
            unit.events.append([an_event("lost", 1)])
            unit.flush()
            proxy.cut_after(b"COMMIT")

            with pytest.raises(CommitOutcomeUnknown):
                unit.commit()

            assert len(seen(store, lambda other: other.events.load(STREAM, STREAM, "lost"))) == 1

    def test_an_answer_that_is_lost_before_the_commit_means_nothing_was_kept(
        self, url: str
    ) -> None:
        with cutting_proxy(url) as (proxy, cut_url), closing(a_store(cut_url)) as store:
            unit = store.begin()
            unit.events.append([an_event("lost", 1)])
            proxy.cut_after(b"lost")

            with pytest.raises(StoreUnavailable) as failure:
                unit.flush()

            assert not isinstance(failure.value, CommitOutcomeUnknown)
            unit = store.begin()
            assert unit.events.load(STREAM, STREAM, "lost") == []
            unit.rollback()

    def test_a_server_that_is_not_there_makes_the_store_unavailable(self) -> None:
        with closing(SqlStore("postgresql://postgres@127.0.0.1:1/nowhere", "post")) as store:
            unit = store.begin()
            with pytest.raises(StoreUnavailable):
                unit.events.load(STREAM, STREAM, "p-1")
            unit.rollback()
            with pytest.raises(StoreUnavailable):
                store.verify()

    def test_no_free_connection_makes_the_store_unavailable(self, url: str) -> None:
        limits = Limits(connections=1, overflow=0, checkout_timeout_s=0.1)
        with closing(SqlStore(url, "post", limits=limits)) as store:
            first, second = store.begin(), store.begin()
            first.events.load(STREAM, STREAM, "p-1")

            with pytest.raises(StoreUnavailable):
                second.events.load(STREAM, STREAM, "p-1")

            second.rollback()
            first.rollback()

    def test_a_deadlock_is_a_conflict_that_a_fresh_attempt_solves(self, store: SqlStore) -> None:
        for name in ("c-1", "c-2"):
            crate = Crate(crate_id=name, address="dock")
            unit = store.begin()
            _save(unit, crate, 0)
            unit.commit()

        def change(first: str, second: str) -> None:
            unit = store.begin()
            try:
                _save(unit, Crate(crate_id=first, address="first"), 1)
                unit.flush()
                meeting.wait(10)
                _save(unit, Crate(crate_id=second, address="second"), 1)
                unit.commit()
            finally:
                unit.rollback()

        meeting = threading.Barrier(2)
        running = [Beside(lambda: change("c-1", "c-2")), Beside(lambda: change("c-2", "c-1"))]
        outcomes: list[BaseException | None] = []
        for one in running:
            try:
                outcomes.append(one.result())
            except ConcurrencyConflict as error:
                outcomes.append(error)

        assert sorted(type(outcome).__name__ for outcome in outcomes) == [
            "NoneType",
            StoreConflict.__name__,
        ]

    def test_who_waits_too_long_for_a_lock_may_try_again(self, url: str) -> None:
        limits = Limits(lock_timeout_s=0.1)
        with closing(SqlStore(url, "post", [CRATES], limits=limits)) as store:
            holder = store.begin()
            holder.events.append([an_event("p-1")])
            holder.flush()
            unit = store.begin()
            unit.events.append([an_event("p-1")])

            with pytest.raises(ConcurrencyConflict):
                unit.commit()

            holder.rollback()

    def test_a_statement_that_takes_too_long_counts_as_a_failed_attempt(self, url: str) -> None:
        with closing(SqlStore(url, "post", limits=Limits(statement_timeout_s=0.1))) as store:
            unit = store.begin()
            with pytest.raises(sa.exc.OperationalError):
                store.connections.current().execute(sa.text("SELECT pg_sleep(5)"))
            unit.rollback()

    def test_a_table_that_is_missing_is_said_plainly(self, postgres_url: str) -> None:
        with closing(SqlStore(postgres_url, "post")) as store:
            unit = store.begin()
            with pytest.raises(StatementFailed, match="runtime_event"):
                unit.events.load(STREAM, STREAM, "p-1")
            unit.rollback()

    def test_statements_survive_a_migration_that_changes_what_they_return(
        self, postgres_url: str
    ) -> None:
        prepare(postgres_url)
        with closing(a_store(postgres_url)) as store:
            committed(store, lambda unit: unit.events.append([an_event("p-1", 1)]))
            for _ in range(2):
                seen(store, lambda unit: unit.events.load(STREAM, STREAM, "p-1"))
            with engine_of(postgres_url) as engine, engine.connect() as connection:
                connection.exec_driver_sql(
                    "ALTER TABLE runtime_event ALTER COLUMN name TYPE varchar(200)"
                )

            assert len(seen(store, lambda unit: unit.events.load(STREAM, STREAM, "p-1"))) == 1

    def test_statements_survive_a_session_that_forgot_them(self, store: SqlStore) -> None:
        committed(store, lambda unit: unit.events.append([an_event("p-1", 1)]))
        with store.engine().connect() as connection:
            connection.exec_driver_sql("DEALLOCATE ALL")

        committed(store, lambda unit: unit.events.append([an_event("p-1", 2)]))

        assert len(seen(store, lambda unit: unit.events.load(STREAM, STREAM, "p-1"))) == 2


class TestFailingSqlite(SqliteFixtures):
    def test_a_file_that_stays_locked_makes_the_store_unavailable(
        self, url: str, store: SqlStore
    ) -> None:
        with closing(SqlStore(url, "post", limits=Limits(busy_timeout_s=0.1))) as impatient:
            holder = store.begin()
            holder.events.append([an_event("p-1")])
            holder.flush()
            unit = impatient.begin()
            unit.events.append([an_event("p-2")])

            with pytest.raises(StoreUnavailable):
                unit.commit()

            holder.rollback()
            committed(impatient, lambda other: other.events.append([an_event("p-2")]))

    def test_a_file_that_is_no_database_is_refused_without_harm(self, sqlite_path: Path) -> None:
        sqlite_path.write_bytes(b"these are somebody's notes, and much longer than a header" * 99)
        with closing(SqlStore(f"sqlite:///{sqlite_path}", "post")) as store:
            unit = store.begin()
            with pytest.raises(StoreUnavailable):
                unit.events.load(STREAM, STREAM, "p-1")
            unit.rollback()

        assert sqlite_path.read_bytes().startswith(b"these are somebody's notes")

    def test_the_file_and_its_folder_are_private(self, tmp_path: Path) -> None:
        path = tmp_path / "data" / "thicket.db"
        with closing(SqlStore(f"sqlite:///{path}", "post")) as store, store.connected():
            assert path.stat().st_mode & 0o777 == 0o600
            assert path.parent.stat().st_mode & 0o777 == 0o700

    def test_accepted_means_written_to_the_disk(self, store: SqlStore) -> None:
        with store.short_transaction():
            pass
        with store.connected() as executor:
            executor.begin()
            executor.rollback()
        with store.engine().connect() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def _save(unit: SqlUnitOfWork, crate: Crate, expected_version: int) -> None:
    unit.aggregates(CRATE).save(crate.crate_id, crate, expected_version=expected_version)


def _cut_all_connections(url: str) -> None:
    with engine_of(url) as engine, engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


class TestParkingTheUnstorable(PostgresqlFixtures):
    def test_a_failure_whose_text_no_database_takes_is_parked_all_the_same(
        self, store: SqlStore
    ) -> None:
        failed = a_failed_message(reason="a null \0 and half a pair \ud800")

        committed(store, lambda unit: unit.failed_messages.park(failed))

        found = seen(store, lambda unit: unit.failed_messages.find(failed.id))
        assert found is not None
        assert found.failure.reason == "a null \N{REPLACEMENT CHARACTER} and half a pair ?"
        assert found.delivery == failed.delivery
