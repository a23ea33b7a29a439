"""Who gets a message, when, and how often: the same on every database."""

import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest

from adapters.sql_broker.channel import Channel
from adapters.sql_broker.messages import Message
from tests.adapters.sql_broker.brokers import (
    channel_to,
    connected,
    consumers,
    declare,
    get,
    get_all,
    open_channel,
    publish,
    ready,
    transport_of,
)
from tests.support.waiting import wait_until

SHORT_LEASE = {"lease_seconds": 0.6, "sweep_interval_ms": 50}


class DeliverySuite:
    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError("a subclass provides the address of an empty broker")

    def test_messages_of_one_priority_come_in_the_order_of_publishing(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")

            publish(channel, "work", "a", "b", "c")

            assert get_all(channel, "work") == ["a", "b", "c"]

    def test_the_highest_priority_comes_first(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            for priority in (0, 9, 5, 9, 1):
                publish(channel, "work", f"{priority}", priority=priority)

            assert get_all(channel, "work") == ["9", "9", "5", "1", "0"]

    def test_a_priority_out_of_range_counts_as_the_nearest_one(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            publish(channel, "work", "low", priority=-3)
            publish(channel, "work", "nine", priority=9)
            publish(channel, "work", "high", priority=77)

            assert get_all(channel, "work") == ["nine", "high", "low"]

    def test_a_queue_is_empty_when_nothing_waits_and_nobody_holds_anything(self, url: str) -> None:
        with channel_to(url) as one, channel_to(url) as other:
            declare(one, "work")
            answers = [other.queue_is_empty("work")]
            publish(one, "work", "a")
            answers.append(other.queue_is_empty("work"))
            message = get(one, "work")
            answers.append(other.queue_is_empty("work"))
            message.ack()
            answers.append(other.queue_is_empty("work"))

            assert answers == [True, False, False, True]
            assert one.queue_is_empty("nowhere")

    def test_a_consumer_whose_process_was_killed_is_not_counted(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            dead = subprocess.Popen([sys.executable, "-c", ""])
            dead.wait(timeout=30)
            lease = timedelta(seconds=30)
            store = transport_of(channel).store
            here, elsewhere = f"{socket.gethostname()}:{dead.pid}:a", f"far.away:{dead.pid}:b"
            store.add_consumer(token=here, tag="one", queue="work", lease=lease)
            store.add_consumer(token=elsewhere, tag="two", queue="work", lease=lease)

            assert consumers(channel, "work") == 1

    def test_a_held_message_is_invisible_to_others(self, url: str) -> None:
        with channel_to(url) as one, channel_to(url) as other:
            declare(one, "work")
            publish(one, "work", "a")

            held = get(one, "work")

            assert other.basic_get("work") is None
            assert ready(other, "work") == 0
            held.ack()

    def test_an_acknowledged_message_is_gone(self, url: str) -> None:
        with channel_to(url) as one, channel_to(url) as other:
            declare(one, "work")
            publish(one, "work", "a")

            get(one, "work").ack()

            one.close()
            assert other.basic_get("work") is None

    def test_acknowledging_up_to_a_message_leaves_the_later_ones(self, url: str) -> None:
        with channel_to(url) as one, channel_to(url) as other:
            declare(one, "work")
            publish(one, "work", "a", "b", "c")
            _, second, _ = get(one, "work"), get(one, "work"), get(one, "work")

            second.ack(multiple=True)
            one.close()

            assert get_all(other, "work") == ["c"]

    def test_a_message_returned_to_the_queue_comes_again_at_once_and_says_so(
        self, url: str
    ) -> None:
        with channel_to(url) as one, channel_to(url) as other:
            declare(one, "work")
            publish(one, "work", "a")
            first = get(one, "work")

            first.requeue()

            again = get(other, "work")
            assert first.delivery_info["redelivered"] is False
            assert first.headers["x-delivery-count"] == 0
            assert again.delivery_info["redelivered"] is True
            assert again.headers["x-delivery-count"] == 1
            again.ack()

    def test_a_message_rejected_for_good_is_gone(self, url: str) -> None:
        with channel_to(url) as one, channel_to(url) as other:
            declare(one, "work")
            publish(one, "work", "a")

            get(one, "work").reject()

            assert other.basic_get("work") is None

    def test_closing_a_channel_puts_back_what_it_held(self, url: str) -> None:
        with channel_to(url) as one, channel_to(url) as other:
            declare(one, "work")
            publish(one, "work", "a", "b")
            get(one, "work")
            get(one, "work")

            one.close()

            assert get_all(other, "work") == ["a", "b"]

    def test_work_done_before_the_channel_closed_can_still_be_acknowledged(self, url: str) -> None:
        with channel_to(url) as one, channel_to(url) as other:
            declare(one, "work")
            publish(one, "work", "a")
            message = get(one, "work")
            one.close()

            message.ack()

            assert other.basic_get("work") is None

    def test_recovering_makes_all_held_messages_visible_again(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            publish(channel, "work", "a", "b")
            get(channel, "work")
            get(channel, "work")

            channel.basic_recover(requeue=True)

            assert get_all(channel, "work") == ["a", "b"]

    def test_a_lease_that_is_renewed_outlasts_its_length(self, url: str) -> None:
        with channel_to(url, lease_seconds=1.0) as one, channel_to(url) as other:
            declare(one, "work")
            publish(one, "work", "a")
            message = get(one, "work")

            # The thread that holds the message does nothing at all for more than two leases.
            time.sleep(2.2)

            assert other.basic_get("work") is None
            message.ack()
            assert ready(other, "work") == 0

    def test_a_lease_that_nobody_renews_ends_and_a_late_acknowledgement_does_nothing(
        self, url: str
    ) -> None:
        with channel_to(url, **SHORT_LEASE) as one, channel_to(url) as other:
            declare(one, "work")
            publish(one, "work", "a")
            late = get(one, "work")
            _stop_renewing(one)
            wait_until(lambda: ready(other, "work") == 1, what="the lease to end")
            again = get(other, "work")

            late.ack()

            assert again.headers["x-delivery-count"] == 1
            again.requeue()
            assert get_all(other, "work") == ["a"]

    def test_an_acknowledgement_after_the_lease_counts_when_nobody_took_the_message(
        self, url: str
    ) -> None:
        with channel_to(url, **SHORT_LEASE) as one, channel_to(url) as other:
            declare(one, "work")
            publish(one, "work", "a")
            late = get(one, "work")
            _stop_renewing(one)
            wait_until(lambda: ready(other, "work") == 1, what="the lease to end")

            late.ack()

            assert ready(other, "work") == 0

    def test_an_expired_message_is_not_delivered(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            publish(channel, "work", "short", expiration="1")
            publish(channel, "work", "long", expiration="600000")
            time.sleep(0.01)

            assert ready(channel, "work") == 1
            assert get_all(channel, "work") == ["long"]

    def test_the_time_to_live_of_a_queue_holds_for_messages_without_one(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work", message_ttl=0.001)
            publish(channel, "work", "a")
            publish(channel, "work", "b", expiration="600000")
            time.sleep(0.01)

            assert get_all(channel, "work") == []

    def test_purging_removes_what_waits_and_spares_what_is_held(self, url: str) -> None:
        with channel_to(url) as one, channel_to(url) as other:
            declare(one, "work")
            publish(one, "work", "held", "waits", "waits too")
            held = get(one, "work")

            assert other.queue_purge("work") == 2

            held.requeue()
            assert get_all(other, "work") == ["held"]

    def test_the_body_survives_byte_for_byte(self, url: str) -> None:
        body = bytes(range(256)) * 3
        with channel_to(url) as channel:
            declare(channel, "work")
            channel.basic_publish(
                channel.prepare_message(
                    body, content_type="application/octet-stream", content_encoding="binary"
                ),
                routing_key="work",
            )

            message = get(channel, "work")

            assert message.body == body
            message.ack()

    def test_headers_and_properties_survive(self, url: str) -> None:
        headers = {"task": "t", "nested": {"number": 1, "none": None}, "text": "ä\x00\ud800"}
        with channel_to(url) as channel:
            declare(channel, "work")
            channel.basic_publish(
                channel.prepare_message(
                    "{}",
                    content_type="application/json",
                    content_encoding="utf-8",
                    headers=headers,
                    properties={"correlation_id": "c", "reply_to": "r"},
                ),
                exchange="work",
                routing_key="work",
            )

            message = get(channel, "work")

            assert message.headers == {**headers, "x-delivery-count": 0}
            assert message.properties["correlation_id"] == "c"
            assert message.properties["reply_to"] == "r"
            assert message.content_type == "application/json"
            assert message.delivery_info["exchange"] == "work"
            assert message.delivery_info["routing_key"] == "work"
            message.ack()

    def test_no_message_is_delivered_twice_to_competing_threads(self, url: str) -> None:
        total = 300
        taken: list[str] = []
        with channel_to(url) as channel:
            declare(channel, "work")
            publish(channel, "work", *map(str, range(total)), delivery_mode=1)

            def consume() -> None:
                with channel_to(url) as own:
                    while (message := own.basic_get("work")) is not None:
                        taken.append(str(message.payload))
                        message.ack()

            threads = [threading.Thread(target=consume) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)

            assert sorted(taken, key=int) == [str(number) for number in range(total)]
            assert ready(channel, "work") == 0

    def test_a_channel_holds_no_more_than_its_window(self, url: str) -> None:
        received: list[str] = []
        with connected(url) as connection:
            channel = open_channel(connection)
            declare(channel, "work")
            publish(channel, "work", *"abcde")
            channel.basic_qos(0, 2, False)
            tags: list[str] = []

            def receive(message: Message) -> None:
                received.append(str(message.payload))
                tags.append(str(message.delivery_tag))

            channel.basic_consume("work", False, receive, "consumer")
            for _ in range(2):
                connection.drain_events(timeout=5)
            with pytest.raises(TimeoutError):
                connection.drain_events(timeout=0.1)
            channel.basic_ack(tags[0])
            connection.drain_events(timeout=5)

            assert received == ["a", "b", "c"]

    def test_a_cancelled_consumer_gets_nothing_more_and_loses_nothing(self, url: str) -> None:
        received: list[str] = []
        with connected(url) as connection, channel_to(url) as other:
            channel = open_channel(connection)
            declare(channel, "work")
            publish(channel, "work", "a", "b", "c")

            def receive(message: Message) -> None:
                received.append(str(message.payload))
                message.ack()

            channel.basic_consume("work", False, receive, "consumer")
            connection.drain_events(timeout=5)
            channel.basic_cancel("consumer")
            with pytest.raises(TimeoutError):
                connection.drain_events(timeout=0.1)

            assert received == ["a"]
            assert get_all(other, "work") == ["b", "c"]

    def test_a_consumer_without_acknowledgement_empties_the_queue(self, url: str) -> None:
        received: list[str] = []
        with connected(url) as connection, channel_to(url) as other:
            channel = open_channel(connection)
            declare(channel, "work")
            publish(channel, "work", "a", "b")
            channel.basic_consume(
                "work", True, lambda message: received.append(str(message.payload)), "consumer"
            )

            for _ in range(2):
                connection.drain_events(timeout=5)

            assert received == ["a", "b"]
            assert other.basic_get("work") is None

    def test_a_waiting_consumer_hears_of_a_new_message_long_before_its_next_sweep(
        self, url: str
    ) -> None:
        with connected(url, sweep_interval_ms=60_000) as connection, channel_to(url) as other:
            channel = open_channel(connection)
            declare(channel, "work")
            received: list[float] = []
            channel.basic_consume(
                "work", True, lambda _message: received.append(time.monotonic()), "consumer"
            )
            with pytest.raises(TimeoutError):
                connection.drain_events(timeout=0.1)
            waiting = threading.Thread(target=connection.drain_events, kwargs={"timeout": 20})
            waiting.start()

            publish(other, "work", "a")
            waiting.join(20)

            assert len(received) == 1

    def test_a_burst_is_consumed_whole_without_waiting_for_a_sweep(self, url: str) -> None:
        total = 200
        with connected(url, sweep_interval_ms=60_000) as connection, channel_to(url) as other:
            channel = open_channel(connection)
            declare(channel, "work")
            received: list[str] = []
            channel.basic_consume(
                "work", True, lambda message: received.append(str(message.payload)), "consumer"
            )
            publisher = threading.Thread(
                target=publish, args=(other, "work", *map(str, range(total)))
            )
            publisher.start()

            for _ in range(total):
                connection.drain_events(timeout=20)
            publisher.join(20)

            assert received == [str(number) for number in range(total)]

    def test_consumers_are_counted(self, url: str) -> None:
        with channel_to(url) as one, channel_to(url) as other:
            declare(one, "work")
            before = consumers(other, "work")
            one.basic_consume("work", False, print, "first")
            one.basic_consume("work", False, print, "second")
            during = consumers(other, "work")

            one.close()

            assert (before, during, consumers(other, "work")) == (0, 2, 0)

    def test_data_survives_the_end_of_all_connections(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            publish(channel, "work", "a")

        with channel_to(url) as channel:
            assert get_all(channel, "work") == ["a"]


def _stop_renewing(channel: Channel) -> None:
    """What a process that hangs, or a machine that sleeps, does to its leases."""
    transport_of(channel)._upkeep.linger()
