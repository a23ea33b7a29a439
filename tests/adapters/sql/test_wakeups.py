"""Wake-ups that cost next to nothing and survive what happens to a server."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from adapters.sql.engines import store_url
from adapters.sql.statements import Kind, statement
from adapters.sql.store import SqlStore
from adapters.sql.wakeups import Announcer, SqlWakeUps
from tests.adapters.sql.stores import PostgresqlFixtures, SqlFixtures, SqliteFixtures, engine_of
from tests.suites.beside import Beside
from tests.suites.builders import a_delivery
from tests.suites.store_fixtures import committed
from tests.support.waiting import wait_until


class WakeUpTests(SqlFixtures):
    @pytest.fixture
    def wake_ups(self, url: str) -> Iterator[SqlWakeUps]:
        with closing(SqlWakeUps(url, "post")) as wake_ups:
            wake_ups.wait(0)  # connects
            yield wake_ups

    def test_connecting_counts_as_a_wake_up(self, url: str) -> None:
        with closing(SqlWakeUps(url, "post")) as wake_ups:
            assert wake_ups.wait(5)

    def test_closing_ends_a_wait(self, wake_ups: SqlWakeUps) -> None:
        waiting = Beside(lambda: wake_ups.wait(60))

        wake_ups.close()

        assert waiting.result() is False


class TestWakeUpsOnSqlite(SqliteFixtures, WakeUpTests):
    def test_what_a_relay_removes_does_not_wake_it(
        self, store: SqlStore, wake_ups: SqlWakeUps
    ) -> None:
        committed(store, lambda unit: unit.messages.add(a_delivery()))
        assert wake_ups.wait(5)

        with store.short_transaction() as executor:
            executor.run(_DELETE_ALL)

        assert not wake_ups.wait(0.1)


class TestWakeUpsOnPostgresql(PostgresqlFixtures, WakeUpTests):
    def test_many_calls_become_few_notifications(self, url: str) -> None:
        with (
            psycopg.connect(url, autocommit=True) as connection,
            closing(Announcer(store_url(url), "post")) as announcer,
        ):
            connection.execute("LISTEN thicket_post")
            for _ in range(2000):
                announcer.announce()
            announcer.close()

            heard = list(connection.notifies(timeout=0.2))

        assert 1 <= len(heard) <= 200

    def test_a_context_is_not_woken_by_another(
        self, another_store: SqlStore, wake_ups: SqlWakeUps
    ) -> None:
        committed(another_store, lambda unit: unit.messages.add(a_delivery()))

        assert not wake_ups.wait(0.2)

    def test_both_ends_connect_again_when_the_server_cut_them_off(
        self, store: SqlStore, wake_ups: SqlWakeUps, url: str
    ) -> None:
        committed(store, lambda unit: unit.messages.add(a_delivery()))
        assert wake_ups.wait(5)
        with engine_of(url) as engine, engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        def is_heard_again() -> bool:
            while wake_ups.wait(0.05):
                pass
            committed(store, lambda unit: unit.messages.add(a_delivery()))
            return wake_ups.wait(0.5)

        wait_until(is_heard_again, limit_s=20, what="a wake-up after both had lost their server")

    def test_a_server_that_is_not_there_is_waited_for(self) -> None:
        url = "postgresql://postgres@127.0.0.1:1/nowhere"
        with closing(SqlWakeUps(url, "post")) as wake_ups:
            assert not wake_ups.wait(0.05)


_DELETE_ALL = statement(
    "DELETE runtime_message", "DELETE FROM runtime_message", parameters={}, columns=[Kind.INT]
)
