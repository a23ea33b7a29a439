"""A kombu channel over the broker's tables."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amqp.exceptions import AMQPError, NoConsumers, NotFound, PreconditionFailed
from amqp.protocol import queue_declare_ok_t
from kombu.transport.base import StdChannel
from kombu.transport.base import to_rabbitmq_queue_arguments as rabbitmq_arguments  # type: ignore[attr-defined]
from kombu.utils.uuid import uuid

from adapters.sql_broker.inbox import Consumer, Inbox
from adapters.sql_broker.messages import Message, Publication
from adapters.sql_broker.options import milliseconds
from adapters.sql_broker.publishing import Publisher
from adapters.sql_broker.store import QueueSettings
from adapters.sql_broker.topology import EXCHANGE_TYPES, STANDARD_EXCHANGES, Binding

if TYPE_CHECKING:
    from adapters.sql_broker.transport import Transport

_LONGEST_NAME_BYTES = 255

#: Queue arguments that are obeyed, or that ask for nothing this broker does not do anyway.
_UNDERSTOOD = frozenset(
    {"x-expires", "x-message-ttl", "x-max-priority", "x-queue-type", "x-queue-mode"}
)

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A message as kombu's producer hands it to :meth:`Channel.basic_publish`."""

    body: bytes | str
    content_type: str | None
    content_encoding: str | None
    headers: dict[str, Any]
    properties: dict[str, Any]


class Channel(StdChannel):
    """Declares, publishes and consumes, as one unit with one prefetch window.

    Like an AMQP channel it belongs to one thread, but messages may be settled from any.
    """

    def __init__(self, transport: "Transport") -> None:
        self.connection: Transport | None = transport
        self.channel_id = next(_numbers)
        self.closed = False
        self.no_ack_consumers: set[str] = set()
        self.events: dict[str, set[Callable[..., object]]] = {"basic_return": set()}
        self._transport = transport
        self._store = transport.store
        self._options = transport.options
        self._publisher = Publisher(transport.store)
        self.inbox = Inbox(self, transport.store, transport.options)

    # -- exchanges and queues ------------------------------------------------------------------

    def exchange_declare(
        self,
        exchange: str = "",
        type: str = "direct",
        durable: bool = False,
        auto_delete: bool = False,
        arguments: Mapping[str, Any] | None = None,
        nowait: bool = False,
        passive: bool = False,
    ) -> None:
        """Make an exchange, once. All are durable; none is deleted by itself.

        Raises:
            NotFound: passive, and there is none.
            PreconditionFailed: there is one of another type, or the type is unknown.
        """
        kind = type or "direct"
        if not exchange or exchange in STANDARD_EXCHANGES:
            return
        found = self._store.exchange_type(exchange)
        if passive:
            if found is None:
                raise _not_found("exchange", exchange, "exchange_declare")
            return
        if kind not in EXCHANGE_TYPES:
            raise _precondition(f"exchange type {kind!r} is not supported", "exchange_declare")
        if found is None:
            self._store.declare_exchange(_checked_name(exchange), kind)
            found = self._store.exchange_type(exchange)
        if found is not None and found != kind:
            raise _precondition(
                f"exchange {exchange!r} is of type {found}, not {kind}", "exchange_declare"
            )

    def exchange_delete(self, exchange: str, if_unused: bool = False, nowait: bool = False) -> None:
        """Remove the exchange and its bindings; the queues stay."""
        if if_unused and self._store.topology().bindings.get(exchange):
            raise _precondition(f"exchange {exchange!r} is in use", "exchange_delete")
        self._store.delete_exchange(exchange)

    def queue_declare(
        self,
        queue: str = "",
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = True,
        nowait: bool = False,
        arguments: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> Any:
        """Make a queue, or bring its settings up to date; returns its name and counts.

        The counts are of messages that wait (not of those consumers hold) and of consumers.

        Raises:
            NotFound: passive, and there is none.
            PreconditionFailed: an argument asks for something that this broker does not do.
        """
        name = queue or f"amq.gen-{uuid()}"
        found = self._store.queue(name)
        if passive and found is None:
            raise _not_found("queue", name, "queue_declare")
        if not passive:
            wanted = self._settings(arguments or {}, exclusive, auto_delete)
            # Writing only what is new keeps a web process that starts from waiting for others.
            if found != wanted or wanted.expires_after_ms is not None:
                self._store.declare_queue(_checked_name(name), wanted)
            if exclusive:
                self._transport.own(name)
        return queue_declare_ok_t(
            name, self._store.count_ready(name), self._store.count_consumers(name)
        )

    def queue_bind(
        self,
        queue: str,
        exchange: str = "",
        routing_key: str = "",
        nowait: bool = False,
        arguments: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not exchange:
            return
        if exchange not in STANDARD_EXCHANGES and self._store.exchange_type(exchange) is None:
            raise _not_found("exchange", exchange, "queue_bind")
        binding = Binding(exchange=exchange, routing_key=_checked_name(routing_key), queue=queue)
        if not self._store.bind(binding):
            raise _not_found("queue", queue, "queue_bind")

    def queue_unbind(
        self,
        queue: str,
        exchange: str = "",
        routing_key: str = "",
        nowait: bool = False,
        arguments: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        self._store.unbind(Binding(exchange=exchange, routing_key=routing_key, queue=queue))

    def queue_delete(
        self,
        queue: str,
        if_unused: bool = False,
        if_empty: bool = False,
        nowait: bool = False,
        **_: Any,
    ) -> int:
        """Remove a queue with all its messages; returns their number, 0 when there was none."""
        if if_empty and self._store.count_ready(queue):
            raise _precondition(f"queue {queue!r} is not empty", "queue_delete")
        if if_unused and self._store.count_consumers(queue):
            raise _precondition(f"queue {queue!r} is in use", "queue_delete")
        self._transport.may_go(queue)
        return self._store.delete_queue(queue)

    def queue_purge(self, queue: str, nowait: bool = False, **_: Any) -> int:
        """Remove what waits in the queue, not what consumers hold; returns how many."""
        return self._store.purge(queue)

    def list_bindings(self) -> list[tuple[str, str, str]]:
        """All bindings as queue, exchange and routing key."""
        return [
            (binding.queue, binding.exchange, binding.routing_key)
            for bindings in self._store.topology().bindings.values()
            for binding in bindings
        ]

    def get_bindings(self) -> list[dict[str, Any]]:
        return [
            {"destination": queue, "source": exchange, "routing_key": key}
            for queue, exchange, key in self.list_bindings()
        ]

    def prepare_queue_arguments(
        self, arguments: dict[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any] | None:
        prepared: dict[str, Any] = rabbitmq_arguments(arguments or {}, **kwargs)
        return prepared

    # -- publishing ----------------------------------------------------------------------------

    def prepare_message(
        self,
        body: bytes | str,
        priority: int | None = None,
        content_type: str | None = None,
        content_encoding: str | None = None,
        headers: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
    ) -> Prepared:
        prepared = properties if properties is not None else {}
        prepared.setdefault("priority", priority or 0)
        return Prepared(
            body=body,
            content_type=content_type,
            content_encoding=content_encoding,
            headers=headers or {},
            properties=prepared,
        )

    def basic_publish(
        self,
        message: Prepared,
        exchange: str = "",
        routing_key: str = "",
        mandatory: bool = False,
        **_: Any,
    ) -> None:
        """Store one message; when this returns it is committed.

        A message for which there is no queue is dropped, or with ``mandatory`` handed to the
        ``basic_return`` callbacks (exception, exchange, routing key, message).

        Raises:
            NoConsumers: mandatory, unroutable, and there is no such callback.
        """
        publication = Publication(
            exchange=exchange,
            routing_key=routing_key,
            body=message.body,
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            headers=message.headers,
            properties=message.properties,
        )
        if self._publisher.publish([publication]) and mandatory:
            error = NoConsumers(f"NO_ROUTE for {routing_key!r} in exchange {exchange!r}")
            if not self.events["basic_return"]:
                raise error
            for callback in list(self.events["basic_return"]):
                callback(error, exchange, routing_key, message)

    def publish_batch(self, publications: Sequence[Publication]) -> Sequence[int]:
        """Store many messages in one transaction; when this returns all are committed.

        Returns the positions of the messages that no queue took, what ``mandatory`` is in AMQP:
        they were not stored. The order of the messages is kept within each queue. Published twice
        after a lost connection, they may be there twice.

        Raises:
            BrokerConnectionLost: all were stored or none; publish them again.
        """
        return self._publisher.publish(publications) if publications else []

    def queue_is_empty(self, queue: str) -> bool:
        """Whether no message waits in the queue and no consumer holds one of it; true when there is
        no such queue."""
        return not self._store.has_messages(queue)

    # -- consuming -----------------------------------------------------------------------------

    def basic_qos(
        self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False
    ) -> None:
        """Hold at most ``prefetch_count`` unsettled messages on this channel; 0: no limit."""
        self.inbox.window = prefetch_count

    def basic_consume(
        self,
        queue: str,
        no_ack: bool,
        callback: Callable[[Message], object],
        consumer_tag: str | None = None,
        **_: Any,
    ) -> str:
        """Deliver messages of the queue to the callback from now on.

        Raises:
            NotFound: there is no such queue.
        """
        settings = self._store.queue(queue)
        if settings is None:
            raise _not_found("queue", queue, "basic_consume")
        tag = consumer_tag or f"amq.ctag-{uuid()}"
        if no_ack:
            self.no_ack_consumers.add(tag)
        self._store.add_consumer(
            token=self.inbox.token, tag=tag, queue=queue, lease=self._options.lease
        )
        self.inbox.add(
            Consumer(
                tag=tag,
                queue=queue,
                no_ack=bool(no_ack),
                expires=settings.expires_after_ms is not None,
                auto_delete=settings.auto_delete,
                callback=callback,
            )
        )
        self._transport.consuming(queue)
        return tag

    def basic_cancel(self, consumer_tag: str, **_: Any) -> None:
        """Deliver no more to this consumer; what it holds stays its own until it is settled."""
        consumer = self.inbox.remove(consumer_tag)
        if consumer is None or self._transport.gone:
            return
        self.no_ack_consumers.discard(consumer_tag)
        self._transport.settle(self.inbox.drop_undelivered(consumer))
        if consumer.auto_delete:
            # Said before it goes, so that the upkeep does not miss it.
            self._transport.may_go(consumer.queue)
        self._store.remove_consumer(token=self.inbox.token, tag=consumer_tag, queue=consumer.queue)

    def basic_get(self, queue: str, no_ack: bool = False, **_: Any) -> Message | None:
        message = self.inbox.get(queue, no_ack=no_ack)
        if message is not None and not no_ack:
            self._transport.holding()
        return message

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Delete a delivered message, unless it was delivered again meanwhile.

        Inside Celery's event loop this returns at once and the message is deleted within
        milliseconds; elsewhere it is deleted when this returns.
        """
        self._transport.settle(
            self.inbox.settlements(delivery_tag, requeue=False, multiple=multiple)
        )

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Delete a delivered message, or make it visible to all consumers at once."""
        self._transport.settle(self.inbox.settlements(delivery_tag, requeue=requeue))

    def basic_recover(self, requeue: bool = False) -> None:
        """Make everything that this channel holds visible again, to be delivered once more."""
        self._transport.settle(self.inbox.put_back(forget=True))

    def message_to_python(self, message: Message) -> Message:
        return message

    def close(self) -> None:
        """Cancel all consumers and put back what was not settled.

        After a lost connection nothing is put back: the leases run out.
        """
        if self.closed:
            return
        self.closed = True
        if not self._transport.gone:
            for consumer in self.inbox.consumers():
                self.basic_cancel(consumer.tag)
            self._transport.settle(self.inbox.put_back(forget=False))
        self._transport.close_channel(self)
        self.connection = None

    # -- details -------------------------------------------------------------------------------

    def _settings(
        self, arguments: Mapping[str, Any], exclusive: bool, auto_delete: bool
    ) -> QueueSettings:
        unknown = sorted(name for name in arguments if name not in _UNDERSTOOD)
        if unknown:
            raise _precondition(
                f"queue arguments not supported: {', '.join(unknown)}", "queue_declare"
            )
        lease_ms = milliseconds(self._options.lease)
        expires_ms = arguments.get("x-expires")
        if expires_ms is not None:
            # Consumers say three times per lease that they live; sooner nobody can be missed.
            expires_ms = max(int(expires_ms), lease_ms)
        elif exclusive:
            expires_ms = 2 * lease_ms
        ttl_ms = arguments.get("x-message-ttl")
        return QueueSettings(
            expires_after_ms=expires_ms,
            message_ttl_ms=None if ttl_ms is None else int(ttl_ms),
            auto_delete=bool(auto_delete),
        )


def _checked_name(name: str) -> str:
    if len(name.encode()) > _LONGEST_NAME_BYTES:
        raise _precondition(f"longer than {_LONGEST_NAME_BYTES} bytes: {name[:40]}…", "declare")
    return name


def _not_found(kind: str, name: str, method: str) -> AMQPError:
    return NotFound(f"NOT_FOUND - no {kind} {name!r}", (50, 10), f"Channel.{method}")


def _precondition(text: str, method: str) -> AMQPError:
    return PreconditionFailed(f"PRECONDITION_FAILED - {text}", (50, 10), f"Channel.{method}")
