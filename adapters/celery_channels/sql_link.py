"""Publishing to our broker over SQL: many messages are one statement and one commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import amqp

from adapters.celery_channels.broker import Broker, ChannelQueue, connect, declare
from adapters.celery_channels.wire import CONTENT_ENCODING, CONTENT_TYPE, TaskMessage
from ports.outbound.channels import PublishOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What that broker reads of a message. It lives in a package of its own, so the shape is
    written down on this side too."""

    routing_key: str
    body: bytes
    headers: Mapping[str, Any]
    properties: Mapping[str, Any]
    priority: int
    exchange: str = ""
    content_type: str = CONTENT_TYPE
    content_encoding: str = CONTENT_ENCODING
    ttl_ms: int | None = None
    transient: bool = False


class SqlBrokerChannel(Protocol):
    """The part of that broker's channel that kombu's interface lacks."""

    def publish_batch(self, publications: Sequence[Publication]) -> Sequence[int]:
        """Commits all and returns the positions of those that no queue took."""

    def queue_is_empty(self, queue: str) -> bool:
        """Neither a message that waits nor one that a consumer holds."""


class SqlLink:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._connection = broker.connection()
        connect(self._connection)
        self._channel: Any = self._connection.channel()

    def declare(self, queue: ChannelQueue) -> None:
        declare(self._broker, queue, self._channel)

    def check(self) -> None:
        """Nothing: a lost connection is found, and made anew, before anything is stored."""

    def publish(self, messages: Sequence[TaskMessage]) -> list[PublishOutcome]:
        confirms = self._broker.confirms
        outcome = PublishOutcome.CONFIRMED if confirms else PublishOutcome.UNCONFIRMED
        outcomes = [outcome] * len(messages)
        publications = [_publication(message, transient=not confirms) for message in messages]
        channel: SqlBrokerChannel = self._channel
        for position in channel.publish_batch(publications):
            outcomes[position] = PublishOutcome.RETURNED
        return outcomes

    def depth(self, queue: str) -> int:
        try:
            return int(self._channel.queue_declare(queue, passive=True).message_count)
        except amqp.exceptions.NotFound:
            return 0

    def is_empty(self, queue: str) -> bool:
        channel: SqlBrokerChannel = self._channel
        return channel.queue_is_empty(queue)

    def close(self) -> None:
        self._connection.close()

    def abandon(self) -> None:
        """Nothing: the broker knows which process opened a connection."""


def _publication(message: TaskMessage, *, transient: bool) -> Publication:
    return Publication(
        routing_key=message.queue,
        body=message.body,
        headers=message.headers,
        properties={"correlation_id": message.task_id, "delivery_mode": 2},
        priority=message.priority,
        transient=transient,
    )
