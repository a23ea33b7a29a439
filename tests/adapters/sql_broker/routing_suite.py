"""Which queues a message reaches: the same on every database."""

from typing import Any

import pytest
from amqp.exceptions import NoConsumers, NotFound, PreconditionFailed
from kombu import Exchange, Queue

from adapters.sql_broker.channel import Channel
from adapters.sql_broker.messages import Publication
from tests.adapters.sql_broker.brokers import channel_to, declare, get, get_all, publish, ready


class RoutingSuite:
    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError("a subclass provides the address of an empty broker")

    def test_the_default_exchange_leads_to_the_queue_of_that_name(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")

            publish(channel, "work", "a")

            assert get_all(channel, "work") == ["a"]

    def test_a_direct_exchange_leads_to_the_queues_bound_with_that_key(self, url: str) -> None:
        with channel_to(url) as channel:
            _bind(channel, "one", "orders", "direct", "paid")
            _bind(channel, "two", "orders", "direct", "paid")
            _bind(channel, "three", "orders", "direct", "sent")

            _publish_to(channel, "orders", "paid", "a")

            assert [get_all(channel, queue) for queue in ("one", "two", "three")] == [
                ["a"],
                ["a"],
                [],
            ]

    def test_a_topic_exchange_leads_to_the_queues_whose_pattern_fits(self, url: str) -> None:
        with channel_to(url) as channel:
            _bind(channel, "all", "events", "topic", "#")
            _bind(channel, "tasks", "events", "topic", "task.*")
            _bind(channel, "workers", "events", "topic", "worker.#")

            _publish_to(channel, "events", "task.sent", "a")

            assert [get_all(channel, queue) for queue in ("all", "tasks", "workers")] == [
                ["a"],
                ["a"],
                [],
            ]

    def test_a_queue_bound_twice_to_what_fits_gets_one_copy(self, url: str) -> None:
        with channel_to(url) as channel:
            _bind(channel, "all", "events", "topic", "#")
            _bind(channel, "all", "events", "topic", "task.*")

            _publish_to(channel, "events", "task.sent", "a")

            assert get_all(channel, "all") == ["a"]

    def test_a_fan_out_exchange_leads_to_all_queues_bound_to_it(self, url: str) -> None:
        with channel_to(url) as channel:
            _bind(channel, "one", "control", "fanout", "")
            _bind(channel, "two", "control", "fanout", "whatever")

            _publish_to(channel, "control", "", "a")

            assert get_all(channel, "one") == get_all(channel, "two") == ["a"]

    def test_a_binding_made_by_another_connection_holds_for_the_next_message(
        self, url: str
    ) -> None:
        with channel_to(url) as publisher, channel_to(url) as consumer:
            _bind(consumer, "one", "control", "fanout", "")
            _publish_to(publisher, "control", "", "a")

            _bind(consumer, "two", "control", "fanout", "")
            _publish_to(publisher, "control", "", "b")

            assert get_all(consumer, "one") == ["a", "b"]
            assert get_all(consumer, "two") == ["b"]

    def test_a_binding_taken_away_by_another_connection_holds_no_more(self, url: str) -> None:
        with channel_to(url) as publisher, channel_to(url) as consumer:
            _bind(consumer, "one", "control", "fanout", "")
            _publish_to(publisher, "control", "", "a")

            consumer.queue_unbind("one", "control", "")
            _publish_to(publisher, "control", "", "b")

            assert get_all(consumer, "one") == ["a"]

    def test_a_message_for_an_unknown_exchange_is_dropped(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")

            _publish_to(channel, "celeryev", "worker.heartbeat", "a")

            assert ready(channel, "work") == 0

    def test_a_mandatory_message_without_a_queue_is_an_error(self, url: str) -> None:
        with channel_to(url) as channel:
            message = channel.prepare_message("a")

            with pytest.raises(NoConsumers):
                channel.basic_publish(message, routing_key="nowhere", mandatory=True)

    def test_a_mandatory_message_without_a_queue_is_returned_to_who_asked_for_it(
        self, url: str
    ) -> None:
        returned: list[tuple[str, str]] = []
        with channel_to(url) as channel:

            def take_back(_error: object, exchange: str, routing_key: str, _message: Any) -> None:
                returned.append((exchange, routing_key))

            producer = channel.Producer(on_return=take_back)
            producer.publish("a", routing_key="nowhere", mandatory=True)

            assert returned == [("", "nowhere")]

    def test_a_batch_is_stored_in_order_and_tells_what_could_not_be_routed(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            _bind(channel, "other", "orders", "direct", "paid")

            unroutable = channel.publish_batch(
                [
                    Publication(routing_key="work", body="a"),
                    Publication(routing_key="nowhere", body="b"),
                    Publication(exchange="orders", routing_key="paid", body="c"),
                    Publication(exchange="orders", routing_key="unpaid", body="d"),
                    Publication(routing_key="work", body="e", properties={"priority": 0}),
                    Publication(exchange="unknown", routing_key="work", body="f"),
                ]
            )

            assert list(unroutable) == [1, 3, 5]
            assert [get(channel, "work").body, get(channel, "work").body] == [b"a", b"e"]
            assert get(channel, "other").body == b"c"

    def test_a_batch_sees_a_queue_that_another_connection_deleted(self, url: str) -> None:
        with channel_to(url) as publisher, channel_to(url) as other:
            declare(other, "work")
            first = publisher.publish_batch(
                [Publication(exchange="work", routing_key="work", body="a")]
            )
            other.queue_delete("work")

            second = publisher.publish_batch(
                [Publication(exchange="work", routing_key="work", body="b")]
            )

            assert (list(first), list(second)) == ([], [0])

    def test_an_empty_batch_is_nothing(self, url: str) -> None:
        with channel_to(url) as channel:
            assert list(channel.publish_batch([])) == []

    def test_a_batch_carries_headers_properties_and_expiry(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")

            channel.publish_batch(
                [
                    Publication(routing_key="work", body="gone", properties={"expiration": 0}),
                    Publication(
                        routing_key="work",
                        body='{"a": 1}',
                        headers={"id": "x"},
                        properties={"correlation_id": "c", "priority": 7},
                    ),
                ]
            )

            message = get(channel, "work")
            assert message.payload == {"a": 1}
            assert message.headers["id"] == "x"
            assert message.properties["correlation_id"] == "c"
            assert message.delivery_info["priority"] == 7
            assert channel.basic_get("work") is None

    def test_declaring_passively_tells_how_many_messages_wait(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            publish(channel, "work", "a", "b", "c")

            assert channel.queue_declare("work", passive=True).message_count == 3

    def test_declaring_an_unknown_queue_passively_is_an_error_of_the_channel(
        self, url: str
    ) -> None:
        with channel_to(url) as channel:
            with pytest.raises(NotFound) as caught:
                channel.queue_declare("unknown", passive=True)

            assert caught.value.code == 404
            assert isinstance(caught.value, channel._transport.channel_errors)

    def test_declaring_again_changes_nothing_for_the_messages(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            publish(channel, "work", "a")

            declare(channel, "work")

            assert get_all(channel, "work") == ["a"]

    def test_consuming_from_an_unknown_queue_is_an_error(self, url: str) -> None:
        with channel_to(url) as channel, pytest.raises(NotFound):
            channel.basic_consume("unknown", False, print, "consumer")

    def test_binding_to_an_unknown_exchange_is_an_error(self, url: str) -> None:
        with channel_to(url) as channel:
            channel.queue_declare("work", auto_delete=False)

            with pytest.raises(NotFound):
                channel.queue_bind("work", "unknown", "key")

    def test_an_exchange_keeps_its_type(self, url: str) -> None:
        with channel_to(url) as channel:
            channel.exchange_declare("events", "topic")

            with pytest.raises(PreconditionFailed):
                channel.exchange_declare("events", "fanout")

    def test_what_the_broker_cannot_do_is_refused(self, url: str) -> None:
        with channel_to(url) as channel:
            with pytest.raises(PreconditionFailed, match="x-dead-letter-exchange"):
                channel.queue_declare("work", arguments={"x-dead-letter-exchange": "dead"})
            with pytest.raises(PreconditionFailed, match="headers"):
                channel.exchange_declare("events", "headers")

    def test_a_deleted_queue_takes_its_messages_and_bindings_along(self, url: str) -> None:
        with channel_to(url) as channel:
            _bind(channel, "one", "orders", "direct", "paid")
            _publish_to(channel, "orders", "paid", "a")

            deleted = channel.queue_delete("one")
            _bind(channel, "one", "other", "direct", "key")
            _publish_to(channel, "orders", "paid", "b")

            assert deleted == 1
            assert get_all(channel, "one") == []
            assert channel.list_bindings() == [("one", "other", "key")]

    def test_a_deleted_exchange_leads_nowhere(self, url: str) -> None:
        with channel_to(url) as publisher, channel_to(url) as channel:
            _bind(channel, "one", "orders", "direct", "paid")
            _publish_to(publisher, "orders", "paid", "a")

            channel.exchange_delete("orders")
            _publish_to(publisher, "orders", "paid", "b")

            assert get_all(channel, "one") == ["a"]

    def test_queues_and_exchanges_in_use_are_not_deleted_by_the_careful(self, url: str) -> None:
        with channel_to(url) as channel:
            _bind(channel, "one", "orders", "direct", "paid")
            _publish_to(channel, "orders", "paid", "a")
            channel.basic_consume("one", False, print, "consumer")

            with pytest.raises(PreconditionFailed):
                channel.queue_delete("one", if_empty=True)
            with pytest.raises(PreconditionFailed):
                channel.queue_delete("one", if_unused=True)
            with pytest.raises(PreconditionFailed):
                channel.exchange_delete("orders", if_unused=True)

    def test_names_longer_than_amqp_allows_are_refused(self, url: str) -> None:
        with channel_to(url) as channel, pytest.raises(PreconditionFailed):
            channel.queue_declare("ä" * 128)


def _bind(channel: Channel, queue: str, exchange: str, kind: str, key: str) -> None:
    Queue(queue, Exchange(exchange, kind), routing_key=key)(channel).declare()


def _publish_to(channel: Channel, exchange: str, routing_key: str, body: str) -> None:
    channel.basic_publish(
        channel.prepare_message(body, content_type="text/plain", content_encoding="utf-8"),
        exchange=exchange,
        routing_key=routing_key,
    )
