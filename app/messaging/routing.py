"""Which endpoints a message goes to: by class, by name, by routing key."""

import re
from collections.abc import Sequence

from app.messaging.endpoints import Endpoint, Kind, in_order
from app.messaging.faults import Faults


class UniqueRoutes:
    """Commands or queries: exactly one endpoint for each class and for each routing key."""

    def __init__(self, kind: Kind, endpoints: Sequence[Endpoint], faults: Faults) -> None:
        self._by_class: dict[type, Endpoint] = {}
        self._by_key: dict[str, Endpoint] = {}
        for endpoint in endpoints:
            if endpoint.kind is not kind:
                continue
            for cls in endpoint.payload_types:
                self._claim(self._by_class, cls, cls.__qualname__, endpoint, faults)
            if endpoint.routing_key is not None:
                key = endpoint.routing_key
                self._claim(self._by_key, key, repr(key), endpoint, faults)

    @staticmethod
    def _claim(
        routes: dict[object, Endpoint] | dict[type, Endpoint] | dict[str, Endpoint],
        route: object,
        label: str,
        endpoint: Endpoint,
        faults: Faults,
    ) -> None:
        other = routes.setdefault(route, endpoint)  # type: ignore[arg-type]
        if other is not endpoint:
            faults.add(
                endpoint.where,
                f"{label} already has the {endpoint.kind} handler {other.label}",
                "Remove one of the two, or give them different classes or routing keys",
            )

    def of(self, cls: type) -> Endpoint | None:
        """The endpoint of the class, or of its nearest parent that has one."""
        for parent in cls.__mro__:
            endpoint = self._by_class.get(parent)
            if endpoint is not None:
                return endpoint
        return None

    def at(self, routing_key: str) -> Endpoint | None:
        return self._by_key.get(routing_key)


class Subscriptions:
    """Events: any number of endpoints, each at most once for each event."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        subscribed = in_order([found for found in endpoints if found.kind is Kind.EVENT])
        self._subscribed = [
            (found, None if found.routing_key is None else key_pattern(found.routing_key))
            for found in subscribed
        ]
        self._known: dict[tuple[type, str], tuple[Endpoint, ...]] = {}

    def of(self, cls: type, name: str) -> tuple[Endpoint, ...]:
        """Endpoints for an event of this class and stable name, in the order they are called. A
        routing key narrows: what a handler takes must fit too."""
        known = self._known.get((cls, name))
        if known is None:
            known = self._known[(cls, name)] = tuple(
                endpoint
                for endpoint, pattern in self._subscribed
                if _takes(endpoint, cls) and (pattern is None or _matches(pattern, name))
            )
        return known

    def distributed(self, cls: type, name: str) -> tuple[Endpoint, ...]:
        """Those of them that other services may reach."""
        return tuple(endpoint for endpoint in self.of(cls, name) if endpoint.distributed)


def _takes(endpoint: Endpoint, cls: type) -> bool:
    types = endpoint.payload_types
    if not types:
        return endpoint.routing_key is not None
    return any(parent in types for parent in cls.__mro__)


def _matches(pattern: re.Pattern[str], name: str) -> bool:
    return bool(name) and pattern.match(name) is not None


def key_pattern(key: str) -> re.Pattern[str]:
    """``*`` stands for any characters, dots included; case does not matter."""
    parts = (re.escape(part) for part in key.split("*"))
    return re.compile(".*".join(parts) + r"\Z", re.IGNORECASE)
