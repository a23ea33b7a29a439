"""The buses of ``ports.inbound.buses``."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from app.messaging.endpoints import Endpoint, Handling
from app.messaging.internals import Internals
from app.messaging.message_types import MessageTypes
from app.messaging.routing import Subscriptions, UniqueRoutes
from ports.errors import NoHandler
from ports.messages import NO_HEADERS, Envelope, HeaderValue, Message
from ports.outbound.telemetry import Span
from ports.outbound.transactions import UnitOfWork


class MessageBus:
    """What all buses share: making a message, and a span around what becomes of it."""

    def __init__(self, internals: Internals) -> None:
        self._dispatcher = internals.dispatcher
        self._types = internals.types
        self._propagation = internals.propagation
        self._transactions = internals.transactions
        self._tracer = internals.tracer

    def _message(
        self,
        payload: object,
        headers: Mapping[str, HeaderValue],
        correlation_id: str | None,
    ) -> Message:
        message_type = self._types.of(payload)
        return Message(
            payload=payload,
            name=message_type.name,
            revision=message_type.revision,
            metadata=self._propagation.next_metadata(headers, correlation_id),
        )

    def _span(self, bus: str, payload: object) -> AbstractContextManager[Span | None]:
        if not self._tracer.recording:
            return nullcontext()
        name = self._types.of(payload).label
        return self._tracer.span(bus, attributes={"message.name": name})


class CommandBus(MessageBus):
    _routes: UniqueRoutes

    def open(self, routes: UniqueRoutes) -> None:
        """Handlers may ask for the bus, so it exists before the routes do."""
        self._routes = routes

    def send(
        self,
        command: object,
        *,
        headers: Mapping[str, HeaderValue] = NO_HEADERS,
        correlation_id: str | None = None,
    ) -> Any:
        endpoint = self._routes.of(type(command))
        if endpoint is None:
            raise NoHandler(type(command).__qualname__, "command")
        return self._send(endpoint, command, headers, correlation_id)

    def send_to(
        self,
        routing_key: str,
        payload: object = None,
        *,
        headers: Mapping[str, HeaderValue] = NO_HEADERS,
        correlation_id: str | None = None,
    ) -> Any:
        endpoint = self._routes.at(routing_key)
        if endpoint is None:
            raise NoHandler(routing_key, "command")
        payload = decoded_for(endpoint, payload, self._types)
        return self._send(endpoint, payload, headers, correlation_id)

    def _send(
        self,
        endpoint: Endpoint,
        command: object,
        headers: Mapping[str, HeaderValue],
        correlation_id: str | None,
    ) -> Any:
        with self._span("Command Bus", command):

            def once(unit: UnitOfWork) -> object:
                message = self._message(command, headers, correlation_id)
                if endpoint.channel is None:
                    return self._dispatcher.handle(endpoint, Handling(message))
                self._dispatcher.forward(endpoint, self._types.encode(message), unit)
                return None

            return self._transactions.run(once)


class QueryBus(MessageBus):
    _routes: UniqueRoutes

    def __init__(self, internals: Internals) -> None:
        super().__init__(internals)
        self._store = internals.store

    def open(self, routes: UniqueRoutes) -> None:
        self._routes = routes

    def ask(self, query: object, *, headers: Mapping[str, HeaderValue] = NO_HEADERS) -> Any:
        endpoint = self._routes.of(type(query))
        if endpoint is None:
            raise NoHandler(type(query).__qualname__, "query")
        return self._ask(endpoint, query, headers)

    def ask_at(
        self,
        routing_key: str,
        payload: object = None,
        *,
        headers: Mapping[str, HeaderValue] = NO_HEADERS,
    ) -> Any:
        endpoint = self._routes.at(routing_key)
        if endpoint is None:
            raise NoHandler(routing_key, "query")
        return self._ask(endpoint, decoded_for(endpoint, payload, self._types), headers)

    def _ask(self, endpoint: Endpoint, query: object, headers: Mapping[str, HeaderValue]) -> Any:
        with self._span("Query Bus", query), self._store.reading():
            message = self._message(query, headers, None)
            return self._dispatcher.handle(endpoint, Handling(message))


class EventBus(MessageBus):
    _subscriptions: Subscriptions

    def open(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions

    def publish(self, event: object, *, headers: Mapping[str, HeaderValue] = NO_HEADERS) -> None:
        with self._span("Event Bus", event):
            self._publish(self._message(event, headers, None), None)

    def publish_message(self, message: Message, envelope: Envelope | None = None) -> None:
        """An event of an aggregate: it has its id and metadata already, perhaps it is encoded."""
        with self._span("Event Bus", message.payload):
            self._publish(message, envelope)

    def hand_out(
        self, endpoints: tuple[Endpoint, ...], handling: Handling, envelope: Envelope
    ) -> None:
        """An event of another service, to those of the subscribed endpoints that may have it."""
        with self._span("Event Bus", handling.message.payload):
            self._transactions.run(lambda unit: self._deliver(endpoints, handling, envelope, unit))

    def _publish(self, message: Message, envelope: Envelope | None) -> None:
        endpoints = self._subscriptions.of(type(message.payload), message.name)
        if endpoints:
            handling = Handling(message)
            self._transactions.run(lambda unit: self._deliver(endpoints, handling, envelope, unit))

    def _deliver(
        self,
        endpoints: tuple[Endpoint, ...],
        handling: Handling,
        envelope: Envelope | None,
        unit: UnitOfWork,
    ) -> None:
        for endpoint in endpoints:
            if endpoint.channel is None:
                self._dispatcher.handle(endpoint, handling)
                continue
            if envelope is None:
                envelope = self._types.encode(handling.message)
            self._dispatcher.forward(endpoint, envelope, unit)


def decoded_for(endpoint: Endpoint, payload: object, types: MessageTypes) -> object:
    """Bytes become the class that the handler declares; anything else passes as it is."""
    if not isinstance(payload, bytes) or len(endpoint.payload_types) != 1:
        return payload
    [declared] = endpoint.payload_types
    return payload if declared in (bytes, object) else types.read(payload, declared)
