"""How the outside drives a context: the buses.

Every bus raises what its handler raises. Headers given here beat inherited ones; the correlation id
is always the surrounding message's, and ``correlation_id`` is heard only where there is none. Each
refuses headers of the runtime's own with :class:`ports.errors.HeaderIsReserved`.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from ports.messages import NO_HEADERS, HeaderValue


class CommandBus(Protocol):
    """Opens a transaction unless one is open, in which case it joins."""

    def send(
        self,
        command: object,
        *,
        headers: Mapping[str, HeaderValue] = NO_HEADERS,
        correlation_id: str | None = None,
    ) -> Any:
        """What the handler returned; None when it is asynchronous; the identifier when an aggregate
        was created.

        Raises:
            NoHandler: nothing handles this class.
        """

    def send_to(
        self,
        routing_key: str,
        payload: object = None,
        *,
        headers: Mapping[str, HeaderValue] = NO_HEADERS,
        correlation_id: str | None = None,
    ) -> Any:
        """Like :meth:`send`, by routing key. A payload of bytes is decoded as JSON into the type
        that the handler declares."""


class QueryBus(Protocol):
    """Opens no transaction."""

    def ask(self, query: object, *, headers: Mapping[str, HeaderValue] = NO_HEADERS) -> Any:
        """The answer of the one handler of this class."""

    def ask_at(
        self,
        routing_key: str,
        payload: object = None,
        *,
        headers: Mapping[str, HeaderValue] = NO_HEADERS,
    ) -> Any: ...


class EventBus(Protocol):
    """Synchronous handlers run at once, in the caller's transaction if there is one; asynchronous
    ones each get a copy. No handler is no error."""

    def publish(
        self, event: object, *, headers: Mapping[str, HeaderValue] = NO_HEADERS
    ) -> None: ...


class DistributedBus(Protocol):
    """Messages to and from other services, by the service map; they leave with the commit."""

    def send_command(
        self,
        service: str,
        command: object,
        *,
        headers: Mapping[str, HeaderValue] = NO_HEADERS,
    ) -> None:
        """One command to one service, routed there by the contract's name.

        Raises:
            UnknownService: the map has no channel for it.
        """

    def publish_event(
        self, event: object, *, headers: Mapping[str, HeaderValue] = NO_HEADERS
    ) -> None:
        """One copy for every service that subscribed to the contract's name; none is no error."""
