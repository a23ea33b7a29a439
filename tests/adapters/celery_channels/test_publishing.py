"""The sending end, against real brokers."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.celery_channels.broker import Broker, ChannelQueue
from adapters.celery_channels.publishing import CelerySender
from adapters.serialization.envelopes import encode_delivery
from ports.errors import ChannelUnavailable, ConversionFailed
from ports.messages import Delivery
from ports.outbound.channels import ChannelDeclaration, MessageChannel, PublishOutcome
from tests.adapters.celery_channels.conftest import PORTS, RABBITMQ, REDIS, SQL, Desks
from tests.adapters.celery_channels.desk import Desk
from tests.adapters.celery_channels.line import Line, line_to
from tests.suites.builders import a_delivery
from tests.support.waiting import wait_until

PARCELS = ChannelQueue(context="post", declaration=ChannelDeclaration(name="parcels"))


def some(desk: Desk, count: int) -> list[Delivery]:
    return [desk.delivery(do="note", number=number) for number in range(count)]


def remove_queue(desk: Desk) -> None:
    with desk.broker.connection() as connection:
        channel: Any = connection.channel()
        channel.queue_delete(desk.channel.name)


def test_every_delivery_gets_an_outcome_in_order(desk: Desk) -> None:
    outcomes = desk.channel.publish(some(desk, 250))

    expected = PublishOutcome.CONFIRMED if desk.channel.confirms else PublishOutcome.UNCONFIRMED
    assert outcomes == [expected] * 250
    assert desk.channel.depth() == 250


def test_publishing_nothing_opens_nothing() -> None:
    sender = CelerySender(
        Broker(url="amqp://nowhere.invalid//", queues=(PARCELS,)), encode=encode_delivery
    )

    assert list(sender.channel("post.parcels").publish([])) == []


def test_only_redis_gives_no_confirms(desk: Desk, request: pytest.FixtureRequest) -> None:
    assert desk.channel.confirms is not request.node.name.endswith("[redis]")


def test_a_broker_that_may_lose_what_it_has_confirms_nothing(desks: Desks, tmp_path: Path) -> None:
    with desks.on(SQL, tmp_path) as desk:
        sender = CelerySender(replace(desk.broker, may_lose=True), encode=encode_delivery)
        channel = sender.channel(desk.channel.name)

        outcomes = channel.publish(some(desk, 3))
        remove_queue(desk)
        returned = channel.publish(some(desk, 2))
        sender.close()

    assert not channel.confirms
    assert outcomes == [PublishOutcome.UNCONFIRMED] * 3
    assert returned == [PublishOutcome.RETURNED] * 2


@pytest.mark.parametrize("kind", [REDIS, SQL])
def test_a_channel_is_not_empty_while_a_consumer_holds_its_last_message(
    desks: Desks, tmp_path: Path, kind: str
) -> None:
    with desks.on(kind, tmp_path) as desk, desk.broker.connection() as connection:
        desk.channel.publish(some(desk, 1))
        consumer: Any = connection.channel()
        wait_until(lambda: desk.channel.depth() == 1, what="the message")
        message = consumer.message_to_python(consumer.basic_get(desk.channel.name))

        assert desk.channel.depth() == 0
        assert desk.channel.is_empty() is False

        message.ack()
        wait_until(lambda: desk.channel.is_empty() is True, what="an empty channel")


def test_a_delivery_without_a_queue_is_returned_and_the_queue_made_again(
    desk: Desk,
) -> None:
    if not desk.channel.confirms:
        # A list on Redis is made by what is put into it, so there is always one.
        assert desk.channel.publish(some(desk, 1)) == [PublishOutcome.UNCONFIRMED]
        return
    desk.channel.publish(some(desk, 1))
    remove_queue(desk)

    first = desk.channel.publish(some(desk, 3))
    second = desk.channel.publish(some(desk, 3))

    assert first == [PublishOutcome.RETURNED] * 3
    assert second == [PublishOutcome.CONFIRMED] * 3
    assert desk.channel.depth() == 3


def test_one_delivery_that_cannot_be_encoded_holds_no_other_up(desk: Desk) -> None:
    def encode(delivery: Delivery) -> bytes:
        if delivery.attempt == 13:
            raise ConversionFailed("a delivery", "unlucky")
        return encode_delivery(delivery)

    channel = CelerySender(desk.broker, encode=encode).channel(desk.channel.name)
    good, bad = desk.delivery(do="note"), replace(desk.delivery(do="note"), attempt=13)

    outcomes = channel.publish([good, bad, good])

    assert outcomes[1] is PublishOutcome.REFUSED
    assert PublishOutcome.REFUSED not in (outcomes[0], outcomes[2])
    assert desk.channel.depth() == 2
    channel.close()


def test_a_closed_channel_opens_again_with_its_next_use(desk: Desk) -> None:
    desk.channel.publish(some(desk, 1))

    desk.channel.close()
    desk.channel.close()

    desk.channel.publish(some(desk, 1))
    assert desk.channel.depth() == 2


def test_threads_share_a_sender(desk: Desk) -> None:
    outcomes: list[PublishOutcome] = []

    def publish() -> None:
        for _ in range(5):
            outcomes.extend(desk.channel.publish(some(desk, 20)))

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(outcomes) == 400
    assert PublishOutcome.RETURNED not in outcomes
    assert desk.channel.depth() == 400


def test_a_forked_process_leaves_its_parents_connection_alone(desk: Desk) -> None:
    desk.channel.publish(some(desk, 1))

    child = os.fork()
    if child == 0:
        code = 1
        try:
            desk.channel.publish(some(desk, 1))
            desk.channel.close()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    desk.channel.publish(some(desk, 1))
    assert desk.channel.depth() == 3


@pytest.fixture(params=[RABBITMQ, REDIS])
def channel_over_line(
    request: pytest.FixtureRequest, desks: Desks, tmp_path: Path
) -> Iterator[tuple[MessageChannel, Line, Desk]]:
    with (
        desks.on(request.param, tmp_path) as desk,
        line_to(desk.settings.url, default_port=PORTS[request.param]) as (line, url),
    ):
        sender = CelerySender(replace(desk.broker, url=url), encode=encode_delivery)
        yield sender.channel(desk.channel.name), line, desk
        sender.close()


def test_a_connection_that_was_closed_while_idle_is_made_anew(
    channel_over_line: tuple[MessageChannel, Line, Desk],
) -> None:
    channel, line, desk = channel_over_line
    channel.publish(some(desk, 1))
    line.cut()
    time.sleep(1.1)  # idle: what was used a moment ago is taken to be alive

    assert PublishOutcome.RETURNED not in channel.publish(some(desk, 2))


def test_a_connection_that_breaks_at_work_is_reported_and_made_anew(
    channel_over_line: tuple[MessageChannel, Line, Desk],
) -> None:
    channel, line, desk = channel_over_line
    channel.publish(some(desk, 1))
    line.cut()

    def published() -> bool:
        try:
            channel.publish(some(desk, 1))
        except ChannelUnavailable:
            return False
        return True

    wait_until(published, limit_s=5, what="a publication over a new connection")


@pytest.mark.parametrize(
    "url",
    ["amqp://guest:sesame@127.0.0.1:1//", "redis://:sesame@127.0.0.1:1/0"],
)
def test_a_broker_that_is_away_is_reported_without_its_password(url: str) -> None:
    channel = CelerySender(Broker(url=url, queues=(PARCELS,)), encode=encode_delivery).channel(
        "post.parcels"
    )

    with pytest.raises(ChannelUnavailable) as caught:
        channel.publish([a_delivery(channel="post.parcels")])

    assert "sesame" not in str(caught.value)
    assert channel.depth() is None


def test_a_database_that_is_away_is_reported(desks: Desks, tmp_path: Path) -> None:
    with desks.on(SQL, tmp_path) as desk:
        url = "sqlbroker+postgresql://nobody:sesame@127.0.0.1:1/none"
        channel = CelerySender(
            Broker(url=url, queues=desk.broker.queues), encode=encode_delivery
        ).channel(desk.channel.name)

        with pytest.raises(ChannelUnavailable) as caught:
            channel.publish([a_delivery(channel="post.parcels")])

    assert "sesame" not in str(caught.value)
