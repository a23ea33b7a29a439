"""One open connection to the broker for publishing, for each kind of broker.

A link is used by one caller at a time and is thrown away after any error: after one, nobody knows
what the broker has seen.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

import amqp
from kombu import Producer

from adapters.celery_channels.broker import Broker, BrokerKind, ChannelQueue, connect, declare
from adapters.celery_channels.frames import publish_frames
from adapters.celery_channels.sql_link import SqlLink
from adapters.celery_channels.wire import CONTENT_ENCODING, CONTENT_TYPE, TaskMessage
from ports.outbound.channels import PublishOutcome

# So much is collected before it is written, and so much may be on its way before an answer is
# waited for: a broker that has to send everything back must not be stuck with a full line.
_AT_ONCE_BYTES = 32 * 1024
_MOST_UNANSWERED_BYTES = 1024 * 1024


class Link(Protocol):
    def check(self) -> None:
        """Notice that the broker closed the connection while nobody used it. Raises whatever the
        client raises."""

    def declare(self, queue: ChannelQueue) -> None: ...

    def publish(self, messages: Sequence[TaskMessage]) -> list[PublishOutcome]: ...

    def depth(self, queue: str) -> int:
        """Messages ready; none where there is no such queue yet."""

    def is_empty(self, queue: str) -> bool:
        """Whether the queue holds nothing, as far as the broker can be asked about what its
        consumers hold."""

    def close(self) -> None: ...

    def abandon(self) -> None:
        """Let go of a connection that was inherited by a fork, without disturbing the parent."""


class BrokerIsBlocked(Exception):
    """RabbitMQ takes nothing until it has memory or disk space again."""


class RabbitMqLink:
    """Pipelined confirms: all messages are on their way before the answers are awaited.

    No heartbeats: a thread for them is not worth it, as TCP keep-alive finds a dead peer, and
    :meth:`check` a closed connection, before anything is sent.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._patience = broker.patience.total_seconds()
        self._blocked = ""
        self._frames = bytearray()  # not yet sent
        self._sent = 0  # equals the broker's delivery tags, which count from 1
        self._waiting: dict[int, int] = {}  # delivery tag -> position of the message
        self._outcomes: list[PublishOutcome] = []
        self._positions: dict[str, list[int]] = {}
        self._connection = broker.connection()
        self._connection.transport_options = {
            **(self._connection.transport_options or {}),
            "on_blocked": self._on_blocked,
            "on_unblocked": self._on_unblocked,
        }
        connect(self._connection)
        # The published types of py-amqp and kombu know less than half of what is used here.
        self._client: Any = self._connection.connection
        self._channel = self._open_channel()

    def declare(self, queue: ChannelQueue) -> None:
        declare(self._broker, queue, self._channel)

    def check(self) -> None:
        with suppress(TimeoutError, BlockingIOError):  # nothing to read: it is as it was
            self._client.drain_events(timeout=0)
        self._raise_if_blocked()

    def publish(self, messages: Sequence[TaskMessage]) -> list[PublishOutcome]:
        self._outcomes = [PublishOutcome.CONFIRMED] * len(messages)
        self._positions = {}
        unanswered = 0  # bytes
        for position, message in enumerate(messages):
            if len(self._frames) >= _AT_ONCE_BYTES:
                unanswered += self._flush()
                if unanswered >= _MOST_UNANSWERED_BYTES:
                    self._wait_for_answers(at_most=len(self._waiting) // 2)
                    unanswered //= 2
            self._add(position, message)
        self._flush()
        self._wait_for_answers(at_most=0)
        return self._outcomes

    def depth(self, queue: str) -> int:
        try:
            return int(self._channel.queue_declare(queue, passive=True).message_count)
        except amqp.exceptions.NotFound:
            # The broker closed the channel with its answer.
            self._channel = self._open_channel()
            return 0

    def is_empty(self, queue: str) -> bool:
        # What consumers hold is the broker's own: nothing that it confirmed waits for the answer.
        return self.depth(queue) == 0

    def close(self) -> None:
        self._connection.close()

    def abandon(self) -> None:
        # Collecting the client would shut the socket down, for the parent too.
        os.close(self._client.transport.sock.detach())

    def _open_channel(self) -> Any:
        channel = self._client.channel()
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        self._sent = 0
        return channel

    def _add(self, position: int, message: TaskMessage) -> None:
        self._positions.setdefault(message.task_id, []).append(position)
        self._sent += 1
        self._waiting[self._sent] = position
        self._frames += publish_frames(
            message, channel=self._channel.channel_id, largest=self._client.frame_max
        )

    def _flush(self) -> int:
        """How many bytes were sent."""
        frames, self._frames = self._frames, bytearray()
        self._client.transport.write(frames)
        return len(frames)

    def _wait_for_answers(self, *, at_most: int) -> None:
        deadline = time.monotonic() + self._patience
        while len(self._waiting) > at_most:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{len(self._waiting)} messages were not confirmed in time")
            self._client.drain_events(timeout=left)
            self._raise_if_blocked()

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:
        self._answered(delivery_tag, multiple)

    def _on_nack(self, delivery_tag: int, multiple: bool) -> None:
        for position in self._answered(delivery_tag, multiple):
            self._outcomes[position] = PublishOutcome.RETURNED

    def _on_return(
        self, reason: Exception, exchange: str, routing_key: str, message: amqp.Message
    ) -> None:
        # The broker confirms what it returned, right after returning it.
        for position in self._positions.get(str(message.properties.get("correlation_id")), ()):
            self._outcomes[position] = PublishOutcome.RETURNED

    def _answered(self, delivery_tag: int, multiple: bool) -> list[int]:
        if not multiple:
            position = self._waiting.pop(delivery_tag, None)
            return [] if position is None else [position]
        answered: list[int] = []
        for tag in list(self._waiting):  # in the order of sending
            if tag > delivery_tag:
                break
            answered.append(self._waiting.pop(tag))
        return answered

    def _on_blocked(self, reason: str) -> None:
        self._blocked = reason or "blocked"

    def _on_unblocked(self) -> None:
        self._blocked = ""

    def _raise_if_blocked(self) -> None:
        if self._blocked:
            raise BrokerIsBlocked(self._blocked)


class RedisLink:
    """One pipeline for all messages. Redis confirms nothing: neither routing nor keeping.

    Nor does it hand over safely: a worker takes a message from the list before it notes that it has
    it. Whoever publishes keeps what was sent until it is known to be done.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._connection = broker.connection()
        connect(self._connection)
        self._channel: Any = self._connection.channel()
        self._producer: Any = Producer(self._channel, auto_declare=False)

    def declare(self, queue: ChannelQueue) -> None:
        """Nothing: on Redis a queue is there when something is in it."""

    def check(self) -> None:
        """Nothing: redis-py checks its connection whenever it was idle."""

    def publish(self, messages: Sequence[TaskMessage]) -> list[PublishOutcome]:
        with self._producer.batch(max_size=max(1, len(messages))):
            for message in messages:
                self._producer.publish(
                    message.body,
                    routing_key=message.queue,
                    content_type=CONTENT_TYPE,
                    content_encoding=CONTENT_ENCODING,
                    headers=dict(message.headers),
                    priority=message.priority,
                    correlation_id=message.task_id,
                )
        return [PublishOutcome.UNCONFIRMED] * len(messages)

    def depth(self, queue: str) -> int:
        # A list without entries does not exist on Redis, so asking passively would find nothing.
        return int(self._channel.queue_declare(queue).message_count)

    def is_empty(self, queue: str) -> bool:
        # What consumers hold lies in one place for all queues.
        held = self._channel.client.hlen(self._channel.unacked_key)
        return not held and self.depth(queue) == 0

    def close(self) -> None:
        self._connection.close()

    def abandon(self) -> None:
        """Nothing: redis-py knows which process opened a connection."""


def open_link(broker: Broker) -> Link:
    match broker.kind:
        case BrokerKind.RABBITMQ:
            return RabbitMqLink(broker)
        case BrokerKind.REDIS:
            return RedisLink(broker)
        case BrokerKind.SQL:
            return SqlLink(broker)
