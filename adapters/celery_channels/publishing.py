"""The sending end of the Celery channels."""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from adapters.celery_channels.broker import Broker, ChannelQueue
from adapters.celery_channels.links import BrokerIsBlocked, Link, open_link
from adapters.celery_channels.wire import TaskMessage, task_message
from ports.errors import ChannelUnavailable
from ports.messages import Delivery
from ports.outbound.channels import (
    CAPABILITIES,
    Capabilities,
    ChannelKind,
    MessageChannel,
    PublishOutcome,
)

logger = logging.getLogger(__name__)

Encode = Callable[[Delivery], bytes]
Result = TypeVar("Result")

_IDLE_SECONDS = 1.0


class CelerySender:
    """What all channels of one process send through: one connection, opened at the first use.

    Threads may share it and wait for each other. Nothing is open before the first call, and a
    forked process starts with a connection of its own. After an error the next call connects
    again; there is no retrying inside, as the caller's rows wait in the message table.
    """

    def __init__(self, broker: Broker, *, encode: Encode) -> None:
        self._broker = broker
        self._encode = encode
        self._queues = {queue.name: queue for queue in broker.queues}
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._declared: set[str] = set()
        self._used_at = 0.0

    def channel(self, name: str) -> MessageChannel:
        """The channel of that full name.

        Raises:
            KeyError: the broker was not told of it.
        """
        return CeleryChannel(self, self._queues[name])

    @property
    def confirms(self) -> bool:
        return self._broker.confirms

    def publish(
        self, queue: ChannelQueue, deliveries: Sequence[Delivery]
    ) -> Sequence[PublishOutcome]:
        """Raises:
        ChannelUnavailable
        """
        outcomes = [PublishOutcome.REFUSED] * len(deliveries)
        messages: dict[int, TaskMessage] = {}
        for position, delivery in enumerate(deliveries):
            message = self._message(queue, delivery)
            if message is not None:
                messages[position] = message
        if messages:
            sent = self._use(
                queue, lambda link: self._published(link, queue, list(messages.values()))
            )
            for position, outcome in zip(messages, sent, strict=True):
                outcomes[position] = outcome
        return outcomes

    def depth(self, queue: ChannelQueue) -> int | None:
        return self._asked(queue, lambda link: link.depth(queue.name))

    def is_empty(self, queue: ChannelQueue) -> bool | None:
        return self._asked(queue, lambda link: link.is_empty(queue.name))

    def close(self) -> None:
        """Close the connection, if there is one; a later call opens another."""
        self._leave_to_parent()
        with self._lock:
            self._drop()

    def _message(self, queue: ChannelQueue, delivery: Delivery) -> TaskMessage | None:
        """None: it cannot be put into bytes, and holds nothing else up."""
        try:
            encoded = self._encode(delivery)
        except Exception:
            logger.exception(
                "delivery cannot be encoded",
                extra={"message_id": delivery.envelope.metadata.id, "endpoint": delivery.endpoint},
            )
            return None
        priority = self._broker.priority(queue, delivery.priority)
        return task_message(delivery, encoded, queue=queue.name, priority=priority)

    def _published(
        self, link: Link, queue: ChannelQueue, messages: Sequence[TaskMessage]
    ) -> list[PublishOutcome]:
        if queue.name not in self._declared:
            link.declare(queue)
            self._declared.add(queue.name)
        outcomes = link.publish(messages)
        if PublishOutcome.RETURNED in outcomes:
            # Somebody removed the queue; the next call makes it again.
            logger.warning("broker returned messages", extra={"channel": queue.name})
            self._declared.discard(queue.name)
        return outcomes

    def _asked(self, queue: ChannelQueue, question: Callable[[Link], Result]) -> Result | None:
        try:
            return self._use(queue, question)
        except ChannelUnavailable as error:
            logger.info("depth is unknown", extra={"channel": queue.name, "error": str(error)})
            return None

    def _use(self, queue: ChannelQueue, action: Callable[[Link], Result]) -> Result:
        self._leave_to_parent()
        with self._lock:
            try:
                result = action(self._ready())
            except Exception as error:
                self._drop()
                reason = str(error) or type(error).__name__
                raise ChannelUnavailable(queue.name, reason) from error
            self._used_at = time.monotonic()
            return result

    def _ready(self) -> Link:
        if self._link is not None and time.monotonic() - self._used_at > _IDLE_SECONDS:
            try:
                self._link.check()
            except BrokerIsBlocked:
                raise
            except Exception as error:  # noqa: BLE001 - nothing was sent yet: connect anew
                logger.info("broker closed the connection", extra={"error": repr(error)})
                self._drop()
        if self._link is None:
            self._link = open_link(self._broker)
        return self._link

    def _drop(self) -> None:
        link, self._link = self._link, None
        self._declared.clear()
        if link is None:
            return
        try:
            link.close()
        except Exception as error:  # noqa: BLE001 - it is of no use any more, closed or not
            logger.info("connection did not close well", extra={"error": repr(error)})

    def _leave_to_parent(self) -> None:
        if self._pid == os.getpid():
            return
        if self._link is not None:
            self._link.abandon()
        self._start()


class CeleryChannel:
    """One channel of the broker. Closing it closes the sender's connection, which the next use of
    any channel opens again."""

    capabilities: Capabilities = CAPABILITIES[ChannelKind.CELERY]

    def __init__(self, sender: CelerySender, queue: ChannelQueue) -> None:
        self.name = queue.name
        self.confirms = sender.confirms
        self._sender = sender
        self._queue = queue

    def publish(self, deliveries: Sequence[Delivery]) -> Sequence[PublishOutcome]:
        return self._sender.publish(self._queue, deliveries)

    def depth(self) -> int | None:
        return self._sender.depth(self._queue)

    def is_empty(self) -> bool | None:
        return self._sender.is_empty(self._queue)

    def close(self) -> None:
        self._sender.close()
