"""The distributed bus: messages to other services by a service map, and from them.

What arrives is handled by the very handlers that the local buses use, provided they are marked
``@distributed``. The map says which channel leads to a service; the contract's name says which
handler takes the message there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.messaging.buses import EventBus
from app.messaging.endpoints import Handling
from app.messaging.internals import Internals
from app.messaging.routing import Subscriptions, UniqueRoutes, key_pattern
from ports.errors import ConversionFailed, NoHandler, UnknownService
from ports.messages import NO_HEADERS, Delivery, Envelope, HeaderValue, Message
from ports.outbound.transactions import UnitOfWork

# What a delivery from another service is addressed to, in every service alike.
DISTRIBUTED_COMMAND = "distributed.command"
DISTRIBUTED_EVENT = "distributed.event"


def service_of(channel: str) -> str:
    """A channel's full name begins with that of its service."""
    return channel.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A service takes every event whose name matches one of ``keys``; ``*`` is any text."""

    service: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMap:
    """``channels``: the full name of the channel that leads to each service. The same map may be
    given to all services; a service never publishes to itself."""

    channels: Mapping[str, str] = field(default_factory=dict)
    subscriptions: tuple[Subscription, ...] = ()

    def __post_init__(self) -> None:
        for subscription in self.subscriptions:
            if subscription.service not in self.channels:
                raise UnknownService(subscription.service)


class DistributedBus:
    """See :class:`ports.inbound.buses.DistributedBus`."""

    def __init__(
        self,
        internals: Internals,
        service_map: ServiceMap,
    ) -> None:
        self._channels = dict(service_map.channels)
        self._subscriptions = [
            (service_map.channels[found.service], tuple(key_pattern(key) for key in found.keys))
            for found in service_map.subscriptions
            if found.service != internals.context
        ]
        self._dispatcher = internals.dispatcher
        self._types = internals.types
        self._propagation = internals.propagation
        self._transactions = internals.transactions
        self._tracer = internals.tracer

    def send_command(
        self,
        service: str,
        command: object,
        *,
        headers: Mapping[str, HeaderValue] = NO_HEADERS,
    ) -> None:
        channel = self._channels.get(service)
        if channel is None:
            raise UnknownService(service)
        self._send(command, headers, DISTRIBUTED_COMMAND, [channel])

    def publish_event(
        self, event: object, *, headers: Mapping[str, HeaderValue] = NO_HEADERS
    ) -> None:
        name = self._types.of(event).name
        if not name:
            raise ConversionFailed(
                type(event).__qualname__, "it has no stable name; mark it with @contract(...)"
            )
        channels = dict.fromkeys(
            channel
            for channel, patterns in self._subscriptions
            if any(pattern.match(name) for pattern in patterns)
        )
        if channels:
            self._send(event, headers, DISTRIBUTED_EVENT, list(channels))

    def _send(
        self,
        payload: object,
        headers: Mapping[str, HeaderValue],
        endpoint: str,
        channels: list[str],
    ) -> None:
        with self._tracer.span("Distributed Bus"):
            message_type = self._types.of(payload)
            envelope = self._types.encode(
                Message(
                    payload=payload,
                    name=message_type.name,
                    revision=message_type.revision,
                    metadata=self._propagation.next_metadata(headers),
                )
            )

            def send(unit: UnitOfWork) -> None:
                for channel in channels:
                    self._dispatcher.send(
                        Delivery(envelope=envelope, channel=channel, endpoint=endpoint), unit
                    )

            self._transactions.run(send)


class DistributedInbox:
    """What a service does with a message of another one, inside the receiving transaction."""

    def __init__(
        self,
        internals: Internals,
        *,
        commands: UniqueRoutes,
        subscriptions: Subscriptions,
        events: EventBus,
    ) -> None:
        self._commands = commands
        self._subscriptions = subscriptions
        self._events = events
        self._dispatcher = internals.dispatcher
        self._types = internals.types
        self._transactions = internals.transactions

    def take_command(self, envelope: Envelope, *, attempt: int, replayed: bool) -> None:
        """Raises:
        NoHandler: no distributed command handler has the message's name as its routing key.
        """
        endpoint = self._commands.at(envelope.name)
        if endpoint is None or not endpoint.distributed:
            raise NoHandler(envelope.name, "distributed command")
        if endpoint.channel is not None:
            self._transactions.run(lambda unit: self._dispatcher.forward(endpoint, envelope, unit))
            return
        message = self._types.decode(envelope)
        self._dispatcher.handle(endpoint, Handling(message, attempt, replayed))

    def take_event(self, envelope: Envelope, *, attempt: int, replayed: bool) -> None:
        """An event that concerns nobody here is no error, nor one that nobody here has heard of."""
        message_type = self._types.named(envelope.name)
        if message_type is None:
            return
        endpoints = self._subscriptions.distributed(message_type.cls, envelope.name)
        if endpoints:
            handling = Handling(self._types.decode(envelope), attempt, replayed)
            self._events.hand_out(endpoints, handling, envelope)
