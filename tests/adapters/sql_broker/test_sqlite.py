import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.sql_broker.errors import BrokerConnectionLost, BrokerTablesMissing
from adapters.sql_broker.messages import Claimed, Publication
from tests.adapters.sql_broker.brokers import (
    ROOT,
    channel_to,
    declare,
    get_all,
    publish,
    transport_of,
)
from tests.adapters.sql_broker.delivery_suite import DeliverySuite
from tests.adapters.sql_broker.forking_suite import ForkingSuite
from tests.adapters.sql_broker.routing_suite import RoutingSuite
from tests.adapters.sql_broker.upkeep_suite import UpkeepSuite


class TestSqliteDelivery(DeliverySuite):
    @pytest.fixture
    def url(self, sqlite_broker_url: str) -> str:
        return sqlite_broker_url


class TestSqliteRouting(RoutingSuite):
    @pytest.fixture
    def url(self, sqlite_broker_url: str) -> str:
        return sqlite_broker_url


class TestSqliteUpkeep(UpkeepSuite):
    @pytest.fixture
    def url(self, sqlite_broker_url: str) -> str:
        return sqlite_broker_url


class TestSqliteForking(ForkingSuite):
    @pytest.fixture
    def url(self, sqlite_broker_url: str) -> str:
        return sqlite_broker_url


class TestSqliteWaking:
    def test_a_queue_that_another_thread_flags_during_a_look_is_looked_at_again(
        self, sqlite_broker_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A worker writes settlements in a thread of its own, with the connection that also watches;
        # what they put back shows as no change of the file, and no sweep comes soon.
        with channel_to(sqlite_broker_url, sweep_interval_ms=60_000) as channel:
            declare(channel, "work")
            channel.basic_consume("work", True, print, "consumer")
            transport = transport_of(channel)
            take = transport.store.take

            def take_and_flag(queue: str, *, limit: int) -> list[Claimed]:
                rows = take(queue, limit=limit)
                transport.flag({queue})
                return rows

            with monkeypatch.context() as during_the_first_look:
                during_the_first_look.setattr(transport.store, "take", take_and_flag)
                transport.fill()
            flagged_meanwhile = transport.has_work()
            transport.fill()

            assert flagged_meanwhile
            assert not transport.has_work()


class TestSqliteFile:
    def test_only_its_owner_can_read_the_file(self, sqlite_broker_url: str) -> None:
        with channel_to(sqlite_broker_url) as channel:
            declare(channel, "work")
            publish(channel, "work", "a")

            for path in _path(sqlite_broker_url).parent.glob("broker.db*"):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path

    def test_processes_that_start_together_agree_on_the_tables(
        self, sqlite_broker_url: str
    ) -> None:
        program = (
            "import sys; from tests.adapters.sql_broker.brokers import *\n"
            "with channel_to(sys.argv[1]) as channel:\n"
            "    declare(channel, 'work'); publish(channel, 'work', 'a')"
        )
        processes = [
            subprocess.Popen([sys.executable, "-c", program, sqlite_broker_url], cwd=ROOT)
            for _ in range(4)
        ]

        exit_codes = [process.wait(60) for process in processes]

        assert exit_codes == [0, 0, 0, 0]
        with channel_to(sqlite_broker_url) as channel:
            assert get_all(channel, "work") == ["a"] * 4

    def test_an_idle_consumer_does_not_wait_for_a_writer(self, sqlite_broker_url: str) -> None:
        with channel_to(sqlite_broker_url) as channel:
            declare(channel, "work")
            writer = _write_lock(sqlite_broker_url)
            started = time.monotonic()

            assert channel.basic_get("work") is None

            assert time.monotonic() - started < 5
            writer.execute("ROLLBACK")
            writer.close()

    def test_a_writer_that_waits_too_long_says_that_the_connection_is_lost(
        self, sqlite_broker_url: str
    ) -> None:
        with channel_to(sqlite_broker_url, busy_timeout_ms=50) as channel:
            declare(channel, "work")
            writer = _write_lock(sqlite_broker_url)

            with pytest.raises(BrokerConnectionLost, match="locked"):
                publish(channel, "work", "a")

            writer.execute("ROLLBACK")
            writer.close()
            publish(channel, "work", "b")
            assert get_all(channel, "work") == ["b"]

    def test_a_batch_that_fails_in_the_middle_leaves_nothing(self, sqlite_broker_url: str) -> None:
        with channel_to(sqlite_broker_url) as channel:
            declare(channel, "work")
            too_large = Publication(
                routing_key="work", body=b"", headers={"n": 1}, properties={"expiration": 10**30}
            )

            with pytest.raises(OverflowError):
                channel.publish_batch([Publication(routing_key="work", body="a"), too_large])

            publish(channel, "work", "b")
            assert get_all(channel, "work") == ["b"]

    def test_the_tables_of_another_release_are_refused(self, sqlite_broker_url: str) -> None:
        with channel_to(sqlite_broker_url):
            pass
        other = sqlite3.connect(_path(sqlite_broker_url))
        other.execute("UPDATE broker_topology SET generation = 999")
        other.commit()
        other.close()

        with (
            pytest.raises(BrokerTablesMissing, match="thicket migrate"),
            channel_to(sqlite_broker_url),
        ):
            pass

    def test_a_folder_that_is_missing_is_a_lost_connection(self, tmp_path: Path) -> None:
        with (
            pytest.raises(BrokerConnectionLost, match="No such file"),
            channel_to(f"sqlbroker+sqlite://{tmp_path}/missing/broker.db"),
        ):
            pass

    def test_the_file_shrinks_after_a_backlog(self, sqlite_broker_url: str) -> None:
        with channel_to(sqlite_broker_url) as channel:
            declare(channel, "work")
            body = "x" * 40_000
            channel.publish_batch([Publication(routing_key="work", body=body)] * 600)
            pages_before = _pages(sqlite_broker_url)

            channel.queue_purge("work")
            for _ in range(3):
                transport_of(channel).store.clean()

            assert _pages(sqlite_broker_url) < pages_before - 2000


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlbroker+sqlite://"))


def _write_lock(url: str) -> sqlite3.Connection:
    connection = sqlite3.connect(_path(url), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def _pages(url: str) -> int:
    connection = sqlite3.connect(_path(url))
    pages = int(connection.execute("PRAGMA page_count").fetchone()[0])
    connection.close()
    return pages
