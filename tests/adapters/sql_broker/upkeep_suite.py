"""What is renewed, given back and cleaned up without anybody asking: the same on every database."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from amqp.exceptions import NotFound
from kombu import Exchange, Queue

from adapters.sql_broker.channel import Channel
from tests.adapters.sql_broker.brokers import (
    ROOT,
    channel_to,
    connected,
    declare,
    get,
    get_all,
    open_channel,
    publish,
    ready,
    transport_of,
)
from tests.support.waiting import wait_until

HASTY = {"lease_seconds": 0.4, "sweep_interval_ms": 50, "cleanup_interval_seconds": 0.1}


class UpkeepSuite:
    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError("a subclass provides the address of an empty broker")

    def test_a_message_held_by_a_killed_process_comes_again_and_says_so(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            publish(channel, "work", "a")
            holder = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.adapters.sql_broker.holding_process",
                    *(url, "work", "1"),
                ],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            try:
                assert holder.stdout is not None
                assert holder.stdout.readline() == "a\n"
                time.sleep(1.2)
                assert ready(channel, "work") == 0, "a living process keeps its message"
            finally:
                os.kill(holder.pid, signal.SIGKILL)
                holder.communicate(timeout=10)

            wait_until(lambda: ready(channel, "work") == 1, what="the lease to end")
            message = get(channel, "work")

            assert message.delivery_info["redelivered"] is True
            assert message.headers["x-delivery-count"] == 1
            message.ack()

    def test_a_fan_out_copy_for_a_queue_that_nobody_reads_any_more_is_not_stored(
        self, url: str
    ) -> None:
        with channel_to(url) as channel, channel_to(url) as publisher:
            _expiring_queue(channel, "flower", "celeryev")
            _publish_event(publisher)
            _abandon(channel, "flower")

            _publish_event(publisher)

            assert not _exists(channel, "flower")
            assert _count(channel, "broker_message") == 1

    def test_an_abandoned_queue_is_removed_with_its_messages_and_bindings(self, url: str) -> None:
        with channel_to(url, **HASTY) as channel, channel_to(url, **HASTY) as cleaner:
            declare(cleaner, "work")
            cleaner.basic_consume("work", False, print, "keeps this connection at work")
            _expiring_queue(channel, "flower", "celeryev")
            _publish_event(channel)
            _abandon(channel, "flower")

            wait_until(lambda: cleaner.list_bindings() == [("work", "work", "work")])

            wait_until(lambda: _count(cleaner, "broker_message") == 0)
            assert _count(cleaner, "broker_queue") == 1

    def test_a_queue_that_is_read_is_not_abandoned(self, url: str) -> None:
        hasty = {**HASTY, "lease_seconds": 1.0}
        with channel_to(url, **hasty) as reader, channel_to(url, **hasty) as publisher:
            _expiring_queue(reader, "flower", "celeryev")
            reader.basic_consume("flower", True, print, "consumer")

            time.sleep(2.2)
            _publish_event(publisher)

            assert ready(publisher, "flower") == 1

    def test_a_consumer_whose_queue_was_removed_learns_it(self, url: str) -> None:
        with connected(url, **HASTY) as connection, channel_to(url) as other:
            channel = open_channel(connection)
            _expiring_queue(channel, "flower", "celeryev")
            channel.basic_consume("flower", True, print, "consumer")

            other.queue_delete("flower")

            wait_until(lambda: transport_of(channel).gone, what="the connection to be given up")
            with pytest.raises(connection.connection_errors, match="flower"):
                connection.drain_events(timeout=1)
            assert not connection.connected

    def test_a_consumer_that_was_taken_for_dead_learns_it(self, url: str) -> None:
        with connected(url, **HASTY) as connection:
            channel = open_channel(connection)
            declare(channel, "work")
            channel.basic_consume("work", True, print, "consumer")

            _execute(channel, "DELETE FROM broker_consumer")

            wait_until(lambda: transport_of(channel).gone, what="the connection to be given up")
            with pytest.raises(connection.connection_errors, match="work"):
                connection.drain_events(timeout=1)

    def test_an_exclusive_queue_ends_with_its_connection(self, url: str) -> None:
        with channel_to(url) as other:
            with channel_to(url) as channel:
                channel.queue_declare("reply", exclusive=True, auto_delete=False)
                assert _exists(other, "reply")

            assert not _exists(other, "reply")

    def test_an_auto_delete_queue_ends_with_its_last_consumer(self, url: str) -> None:
        with channel_to(url) as one, channel_to(url) as other:
            one.queue_declare("shared", auto_delete=True)
            one.basic_consume("shared", True, print, "first")
            other.basic_consume("shared", True, print, "second")

            one.close()
            after_first = _exists(other, "shared")
            other.basic_cancel("second")

            assert after_first
            assert not _exists(other, "shared")

    def test_an_auto_delete_queue_of_dead_consumers_is_removed(self, url: str) -> None:
        with channel_to(url, **HASTY) as dying, channel_to(url, **HASTY) as cleaner:
            declare(cleaner, "work")
            cleaner.basic_consume("work", False, print, "keeps this connection at work")
            dying.queue_declare("shared", auto_delete=True)
            dying.basic_consume("shared", True, print, "consumer")

            transport_of(dying)._upkeep.linger()

            wait_until(lambda: not _exists(cleaner, "shared"), what="the queue to be removed")

    def test_expired_messages_are_removed_although_nobody_reads_them(self, url: str) -> None:
        with channel_to(url, **HASTY) as channel:
            declare(channel, "work")
            declare(channel, "unread")
            publish(channel, "unread", "a", "b", expiration="1")
            publish(channel, "unread", "stays")

            channel.basic_consume("work", False, print, "keeps this connection at work")

            wait_until(lambda: _count(channel, "broker_message") == 1)
            assert get_all(channel, "unread") == ["stays"]

    def test_messages_of_a_queue_that_is_gone_are_removed(self, url: str) -> None:
        with channel_to(url, **HASTY) as channel:
            declare(channel, "work")
            declare(channel, "gone")
            publish(channel, "gone", "a")
            _execute(channel, "DELETE FROM broker_queue WHERE name = 'gone'")

            channel.basic_consume("work", False, print, "keeps this connection at work")

            wait_until(lambda: _count(channel, "broker_message") == 0)

    def test_a_settlement_that_came_too_late_is_logged_without_the_message(
        self, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger="adapters.sql_broker")
        with channel_to(url) as channel:
            declare(channel, "work")
            publish(channel, "work", "secret content")
            message = get(channel, "work")
            _execute(channel, "DELETE FROM broker_message")

            message.ack()

        records = [r for r in caplog.records if r.message.startswith("settled too late")]
        assert [record.levelno for record in records] == [logging.INFO]
        assert "secret content" not in caplog.text

    def test_closing_leaves_no_thread_behind(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            publish(channel, "work", "a")
            channel.basic_consume("work", False, print, "consumer")
            transport_of(channel).drain_events(None, timeout=5)
            during = _upkeep_threads()

        assert during >= 1
        wait_until(lambda: _upkeep_threads() < during, what="the thread to end")


def _upkeep_threads() -> int:
    return sum(thread.name == "sql-broker-upkeep" for thread in threading.enumerate())


def _abandon(channel: Channel, queue: str) -> None:
    """Make it as if nobody had read the queue for years."""
    _execute(channel, f"UPDATE broker_queue SET seen_at_ms = 0 WHERE name = '{queue}'")


def _expiring_queue(channel: Channel, name: str, exchange: str) -> None:
    """Like the queues of events; it lasts as long as a lease."""
    Queue(
        name,
        Exchange(exchange, "topic"),
        routing_key="#",
        expires=0.4,
        durable=False,
        auto_delete=False,
    )(channel).declare()


def _publish_event(channel: Channel) -> None:
    channel.basic_publish(
        channel.prepare_message("{}", properties={"delivery_mode": 1}),
        exchange="celeryev",
        routing_key="worker.heartbeat",
    )


def _exists(channel: Channel, queue: str) -> bool:
    try:
        channel.queue_declare(queue, passive=True)
    except NotFound:
        return False
    return True


def _count(channel: Channel, table: str) -> int:
    with transport_of(channel).store._relaxed.use() as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _execute(channel: Channel, statement: str) -> None:
    with transport_of(channel).store._relaxed.use() as connection:
        connection.execute(statement)
