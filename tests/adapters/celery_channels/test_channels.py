"""The conformance suites of channels, on each broker."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.celery_channels.broker import Broker, ChannelQueue
from adapters.celery_channels.publishing import CelerySender
from adapters.celery_channels.wire import envelope_bytes, envelope_text
from adapters.serialization.envelopes import decode_delivery, encode_delivery
from ports.messages import Delivery
from ports.outbound.channels import ChannelDeclaration, MessageChannel, PublishOutcome
from tests.adapters.celery_channels.conftest import RABBITMQ, REDIS, SQL, Desks
from tests.adapters.celery_channels.desk import Desk
from tests.suites.channel_suite import (
    ChannelSuite,
    UnreachableChannelSuite,
    UnroutableChannelSuite,
)

_LIMIT_SECONDS = 20.0


class CeleryChannelSuite(ChannelSuite):
    kind: str

    @pytest.fixture
    def desk(self, desks: Desks, tmp_path: Path) -> Iterator[Desk]:
        with desks.on(self.kind, tmp_path, prioritised=True) as desk:
            yield desk

    @pytest.fixture
    def channel(self, desk: Desk) -> MessageChannel:
        return desk.channel

    @pytest.fixture
    def drain(self, desk: Desk) -> Iterator[Callable[[int], list[Delivery]]]:
        with desk.broker.connection() as connection:
            channel: Any = connection.channel()

            def drain(count: int) -> list[Delivery]:
                arrived: list[Delivery] = []
                deadline = time.monotonic() + _LIMIT_SECONDS
                while len(arrived) < count:
                    assert time.monotonic() < deadline, f"only {len(arrived)} of {count} came"
                    raw = channel.basic_get(desk.channel.name)
                    if raw is None:
                        time.sleep(0.01)
                        continue
                    message = channel.message_to_python(raw)
                    arrived.append(decode_delivery(envelope_bytes(envelope_text(message.decode()))))
                    message.ack()
                return arrived

            yield drain


class TestOnRabbitMq(CeleryChannelSuite):
    kind = RABBITMQ


class TestOnRedis(CeleryChannelSuite):
    kind = REDIS

    @pytest.fixture
    def outcome(self) -> PublishOutcome:
        return PublishOutcome.UNCONFIRMED


class TestOnSql(CeleryChannelSuite):
    kind = SQL


@pytest.mark.parametrize("kind", [RABBITMQ, SQL])
class TestWithoutAQueue(UnroutableChannelSuite):
    @pytest.fixture
    def channel(self, kind: str, desks: Desks, tmp_path: Path) -> Iterator[MessageChannel]:
        with desks.on(kind, tmp_path) as desk:
            desk.send(do="note")
            with desk.broker.connection() as connection:
                broker: Any = connection.channel()
                broker.queue_delete(desk.channel.name)
            yield desk.channel


@pytest.mark.parametrize(
    "url",
    [
        "amqp://127.0.0.1:1//",
        "redis://127.0.0.1:1/0",
        "sqlbroker+postgresql://nobody@127.0.0.1:1/nothing",
    ],
)
class TestOutOfReach(UnreachableChannelSuite):
    @pytest.fixture
    def channel(self, url: str, desks: Desks) -> MessageChannel:
        queue = ChannelQueue(context="post", declaration=ChannelDeclaration(name="parcels"))
        sender = CelerySender(Broker(url=url, queues=(queue,)), encode=encode_delivery)
        return sender.channel(queue.name)
