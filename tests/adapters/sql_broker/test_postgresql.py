import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
from kombu import Connection

from adapters.sql_broker import postgresql_store
from adapters.sql_broker.channel import Channel
from adapters.sql_broker.errors import BrokerConnectionLost, BrokerTablesMissing
from adapters.sql_broker.messages import Claimed
from tests.adapters.sql_broker.brokers import (
    channel_to,
    connected,
    declare,
    get,
    get_all,
    open_channel,
    publish,
    ready,
)
from tests.adapters.sql_broker.delivery_suite import DeliverySuite
from tests.adapters.sql_broker.forking_suite import ForkingSuite
from tests.adapters.sql_broker.routing_suite import RoutingSuite
from tests.adapters.sql_broker.upkeep_suite import UpkeepSuite
from tests.support.waiting import wait_until


class TestPostgresqlDelivery(DeliverySuite):
    @pytest.fixture
    def url(self, postgres_broker_url: str) -> str:
        return postgres_broker_url


class TestPostgresqlRouting(RoutingSuite):
    @pytest.fixture
    def url(self, postgres_broker_url: str) -> str:
        return postgres_broker_url


class TestPostgresqlUpkeep(UpkeepSuite):
    @pytest.fixture
    def url(self, postgres_broker_url: str) -> str:
        return postgres_broker_url


class TestPostgresqlForking(ForkingSuite):
    @pytest.fixture
    def url(self, postgres_broker_url: str) -> str:
        return postgres_broker_url


class TestPostgresqlServer:
    def test_a_database_without_the_tables_is_refused_and_left_alone(
        self, postgres_url: str
    ) -> None:
        with (
            pytest.raises(BrokerTablesMissing, match="thicket migrate"),
            channel_to(f"sqlbroker+{postgres_url}"),
        ):
            pass

        with psycopg.connect(postgres_url) as connection:
            assert connection.execute("SELECT to_regclass('broker_message')").fetchone() == (None,)

    def test_a_server_that_cannot_be_reached_is_a_lost_connection(self) -> None:
        url = "sqlbroker+postgresql://postgres:s3cret@127.0.0.1:1/postgres"

        with pytest.raises(BrokerConnectionLost) as caught, channel_to(url):
            pass

        assert "s3cret" not in str(caught.value)

    def test_a_publisher_that_lost_its_connection_publishes_again(
        self, postgres_broker_url: str
    ) -> None:
        with connected(postgres_broker_url) as connection:
            channel = open_channel(connection)
            declare(channel, "work")
            publish(channel, "work", "before")
            _end_all_connections(postgres_broker_url)

            connection.Producer().publish("after", routing_key="work", retry=True)

            assert ready(channel, "work") == 2

    def test_a_consumer_that_lost_its_connection_learns_it_and_can_connect_again(
        self, postgres_broker_url: str
    ) -> None:
        with connected(postgres_broker_url) as connection:
            channel = open_channel(connection)
            declare(channel, "work")
            channel.basic_consume("work", True, print, "consumer")
            with pytest.raises(TimeoutError):
                connection.drain_events(timeout=0.05)
            _end_all_connections(postgres_broker_url)

            with pytest.raises(connection.recoverable_connection_errors):
                connection.drain_events(timeout=10)

            received: list[object] = []
            again = open_channel(connection.ensure_connection(max_retries=3))
            again.basic_consume("work", True, received.append, "consumer")
            with channel_to(postgres_broker_url) as other:
                publish(other, "work", "a")
            connection.drain_events(timeout=10)
            assert len(received) == 1

    def test_a_waiting_consumer_notices_at_once_that_the_server_hung_up(
        self, postgres_broker_url: str
    ) -> None:
        with connected(postgres_broker_url, sweep_interval_ms=60_000) as connection:
            channel = open_channel(connection)
            declare(channel, "work")
            channel.basic_consume("work", True, print, "consumer")
            with pytest.raises(TimeoutError):
                connection.drain_events(timeout=0.05)
            _end_all_connections(postgres_broker_url)
            started = time.monotonic()

            with pytest.raises(BrokerConnectionLost):
                connection.drain_events(timeout=50)

            assert time.monotonic() - started < 20

    def test_a_message_can_be_acknowledged_after_a_lost_connection(
        self, postgres_broker_url: str
    ) -> None:
        with channel_to(postgres_broker_url) as channel:
            declare(channel, "work")
            publish(channel, "work", "a")
            message = get(channel, "work")
            _end_all_connections(postgres_broker_url)

            with pytest.raises(BrokerConnectionLost):
                ready(channel, "work")
            message.ack()

            assert get_all(channel, "work") == []
            wait_until(lambda: _messages(postgres_broker_url) == 0)

    def test_a_message_stored_just_after_an_announcement_is_found_without_a_sweep(
        self, postgres_broker_url: str
    ) -> None:
        received: list[str] = []
        with _rarely_sweeping(postgres_broker_url) as (connection, channel, other):
            declare(channel, "work")
            channel.basic_consume(
                "work", True, lambda message: received.append(str(message.payload)), "consumer"
            )

            # Of two messages within milliseconds only the first is announced.
            for pair in range(10):
                for half in "ab":
                    publish(other, "work", f"{pair}{half}", delivery_mode=1)
                    connection.drain_events(timeout=10)
                time.sleep(0.02)

        assert received == [f"{pair}{half}" for pair in range(10) for half in "ab"]

    def test_a_later_announcement_is_followed_by_a_look_of_its_own(
        self, postgres_broker_url: str, patient_announcements: None
    ) -> None:
        received: list[str] = []
        with _rarely_sweeping(postgres_broker_url) as (connection, channel, other):
            declare(channel, "work")
            _consume(channel, "work", received)
            _deliver_what_comes(connection, for_s=1.0)

            publish(other, "work", "announced")
            _deliver_what_comes(connection, for_s=0.6)
            publish(other, "work", "announced too")
            # The look that follows the first announcement comes meanwhile.
            _deliver_what_comes(connection, for_s=0.3)
            publish(other, "work", "not announced")
            while len(received) < 3:
                connection.drain_events(timeout=10)

        assert received == ["announced", "announced too", "not announced"]

    def test_announcements_of_a_busy_queue_put_off_no_look_at_another(
        self, postgres_broker_url: str, patient_announcements: None
    ) -> None:
        received: list[str] = []
        with _rarely_sweeping(postgres_broker_url) as (connection, channel, other):
            for queue in ("work", "busy"):
                declare(channel, queue)
                _consume(channel, queue, received)
            _deliver_what_comes(connection, for_s=1.0)

            publish(other, "work", "announced")
            _deliver_what_comes(connection, for_s=0.1)
            publish(other, "work", "not announced")
            for number in "123":
                publish(other, "busy", number)
                _deliver_what_comes(connection, for_s=0.55)

        assert sorted(received) == ["1", "2", "3", "announced", "not announced"]
        assert received.index("not announced") < received.index("3")

    def test_an_announcement_from_just_before_a_consumer_came_is_not_missed(
        self, postgres_broker_url: str, patient_announcements: None
    ) -> None:
        received: list[str] = []
        with _rarely_sweeping(postgres_broker_url) as (connection, channel, other):
            for queue in ("work", "beside"):
                declare(channel, queue)
            _consume(channel, "beside", received)
            _deliver_what_comes(connection, for_s=1.0)

            publish(other, "work", "announced")
            _deliver_what_comes(connection, for_s=0.1)
            _consume(channel, "work", received)
            _deliver_what_comes(connection, for_s=0.1)
            publish(other, "work", "not announced")
            while len(received) < 2:
                connection.drain_events(timeout=10)

        assert received == ["announced", "not announced"]

    def test_a_consumer_with_nothing_to_do_does_not_ask_the_database(
        self, postgres_broker_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        received: list[str] = []
        with _rarely_sweeping(postgres_broker_url) as (connection, channel, other):
            declare(channel, "work")
            _consume(channel, "work", received)
            publish(other, "work", "a")
            _deliver_what_comes(connection, for_s=0.3)
            looks: list[str] = []
            store = channel._transport.store
            take = store.take

            def counted(queue: str, *, limit: int) -> list[Claimed]:
                looks.append(queue)
                return take(queue, limit=limit)

            monkeypatch.setattr(store, "take", counted)

            _deliver_what_comes(connection, for_s=0.5)
            idle_looks = len(looks)
            publish(other, "work", "b")
            _deliver_what_comes(connection, for_s=0.5)

        assert received == ["a", "b"]
        assert idle_looks == 0
        # One for the announcement and one after it.
        assert looks == ["work", "work"]

    def test_a_lost_announcement_does_not_make_a_publish_fail(
        self, postgres_broker_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with channel_to(postgres_broker_url) as channel:
            declare(channel, "work")

            def lose(_queues: frozenset[str]) -> None:
                raise BrokerConnectionLost("gone")

            monkeypatch.setattr(channel._transport.store, "announce", lose)
            publish(channel, "work", "a")

            assert get_all(channel, "work") == ["a"]

    def test_sessions_are_named_for_those_who_watch_the_server(
        self, postgres_broker_url: str
    ) -> None:
        with channel_to(postgres_broker_url) as channel:
            declare(channel, "work")

            with psycopg.connect(_database(postgres_broker_url)) as admin:
                names = admin.execute(
                    "SELECT DISTINCT application_name FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                ).fetchall()

            assert names == [("thicket broker",)]

    def test_a_large_backlog_is_claimed_through_the_index(self, postgres_broker_url: str) -> None:
        with channel_to(postgres_broker_url) as channel:
            declare(channel, "work")
            statement = channel._transport.store._sql.claim
            parameters = {"queue": "work", "limit": 10, "token": "t", "lease_ms": 1000}
            with channel._transport.store._relaxed.use() as connection:
                rows = connection.execute(f"EXPLAIN {statement}", parameters).fetchall()

            plan = "\n".join(row[0] for row in rows)
            assert "broker_message_claim" in plan
            assert "Sort" not in plan
            assert "Seq Scan" not in plan


@pytest.fixture
def patient_announcements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Announcements so rare that a test can put a message between them."""
    monkeypatch.setattr(postgresql_store, "_ANNOUNCE_EVERY_S", 0.5)
    monkeypatch.setattr(postgresql_store, "_RECHECK_AFTER_S", 0.75)


def _consume(channel: Channel, queue: str, received: list[str]) -> None:
    channel.basic_consume(
        queue, True, lambda message: received.append(str(message.payload)), f"of {queue}"
    )


def _deliver_what_comes(connection: Connection, *, for_s: float) -> None:
    deadline = time.monotonic() + for_s
    with suppress(TimeoutError):
        while True:
            connection.drain_events(timeout=max(deadline - time.monotonic(), 0))


def _database(broker_url: str) -> str:
    return broker_url.removeprefix("sqlbroker+")


@contextmanager
def _rarely_sweeping(url: str) -> Iterator[tuple[Connection, Channel, Channel]]:
    """A connection that finds by itself only what is announced, a channel of it, and one of
    somebody else."""
    with connected(url, sweep_interval_ms=60_000) as connection, channel_to(url) as other:
        yield connection, open_channel(connection), other


def _end_all_connections(broker_url: str) -> None:
    with psycopg.connect(_database(broker_url)) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _messages(broker_url: str) -> int:
    with psycopg.connect(_database(broker_url)) as admin:
        row = admin.execute("SELECT count(*) FROM broker_message").fetchone()
    assert row is not None
    return int(row[0])
