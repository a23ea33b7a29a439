"""Getting a message to an endpoint: at once, or as a delivery over its channel."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from app.messaging.endpoints import Call, Endpoint, Handling
from app.messaging.message_types import MessageTypes
from app.messaging.propagation import Propagation
from ports.messages import Delivery, Envelope, Message
from ports.outbound.channels import ChannelKind
from ports.outbound.telemetry import SpanKind, SpanValue, Tracer
from ports.outbound.transactions import UnitOfWork


def message_attributes(message: Message | Envelope) -> dict[str, SpanValue]:
    """What a span says of a message: never its payload or the user's headers."""
    metadata = message.metadata
    attributes: dict[str, SpanValue] = {
        "message.id": metadata.id,
        "message.correlation_id": metadata.correlation_id,
        "message.name": message.name,
        "message.source": metadata.source,
    }
    if metadata.parent_id:
        attributes["message.parent_id"] = metadata.parent_id
    return attributes


class Dispatcher:
    def __init__(
        self,
        *,
        channels: Mapping[str, ChannelKind],
        types: MessageTypes,
        propagation: Propagation,
        tracer: Tracer,
    ) -> None:
        self._direct = frozenset(
            name for name, kind in channels.items() if kind is ChannelKind.DIRECT
        )
        self._types = types
        self._propagation = propagation
        self._tracer = tracer
        self._receive_direct: Callable[[Delivery], None] | None = None

    def receive_direct_with(self, receive: Callable[[Delivery], None]) -> None:
        """Who handles deliveries of direct channels, in the sender's transaction."""
        self._receive_direct = receive

    def handle(self, endpoint: Endpoint, handling: Handling) -> object:
        """Call the handler here and now; what it sends inherits from its message."""
        if not self._tracer.recording:
            return self._call(endpoint.call, handling)
        name = f"{endpoint.kind.capitalize()} Handler: {endpoint.label}"
        attributes = message_attributes(handling.message)
        attributes["endpoint"] = endpoint.id
        attributes["message.kind"] = endpoint.kind
        with self._tracer.span(name, attributes=attributes):
            return self._call(endpoint.call, handling)

    def _call(self, call: Call, handling: Handling) -> object:
        token = self._propagation.enter(handling)
        try:
            return call(handling)
        finally:
            self._propagation.leave(token)

    def forward(self, endpoint: Endpoint, envelope: Envelope, unit: UnitOfWork) -> None:
        """One copy for an asynchronous endpoint; it leaves with the commit."""
        sent_at = envelope.metadata.timestamp
        assert endpoint.channel is not None
        self.send(
            Delivery(
                envelope=envelope,
                channel=endpoint.channel,
                endpoint=endpoint.id,
                priority=endpoint.message_priority,
                available_at=sent_at + endpoint.delay if endpoint.delay else None,
                expires_at=sent_at + endpoint.time_to_live if endpoint.time_to_live else None,
            ),
            unit,
        )

    def send(self, delivery: Delivery, unit: UnitOfWork) -> None:
        if not self._tracer.recording:
            self._hand_on(delivery, unit)
            return
        attributes = message_attributes(delivery.envelope)
        attributes["channel"] = delivery.channel
        attributes["endpoint"] = delivery.endpoint
        with self._tracer.span(
            f"Sending to channel: {delivery.channel}",
            kind=SpanKind.PRODUCER,
            attributes=attributes,
        ) as span:
            envelope = delivery.envelope
            metadata = replace(envelope.metadata, trace=span.trace)
            self._hand_on(replace(delivery, envelope=replace(envelope, metadata=metadata)), unit)

    def _hand_on(self, delivery: Delivery, unit: UnitOfWork) -> None:
        if delivery.channel in self._direct:
            assert self._receive_direct is not None
            self._receive_direct(delivery)
        else:
            unit.messages.add(delivery)

    def encode(self, message: Message) -> Envelope:
        return self._types.encode(message)
