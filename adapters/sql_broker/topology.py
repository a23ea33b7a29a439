"""Which queues a message goes to: exchanges, bindings and the AMQP rules for matching keys."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

EXCHANGE_TYPES = frozenset({"direct", "topic", "fanout"})

#: What every AMQP broker has from the start.
STANDARD_EXCHANGES: Mapping[str, str] = {
    "amq.direct": "direct",
    "amq.topic": "topic",
    "amq.fanout": "fanout",
}

_ROUTES_REMEMBERED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    exchange: str
    routing_key: str
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """All exchanges and bindings as they stood at one ``version``."""

    version: int
    exchanges: Mapping[str, str]
    bindings: Mapping[str, tuple[Binding, ...]]
    _routes: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, *, version: int, exchanges: Mapping[str, str], bindings: Iterable[Binding]
    ) -> "Topology":
        by_exchange: dict[str, list[Binding]] = {}
        for binding in bindings:
            by_exchange.setdefault(binding.exchange, []).append(binding)
        return cls(
            version=version,
            exchanges={**STANDARD_EXCHANGES, **exchanges},
            bindings={name: tuple(found) for name, found in by_exchange.items()},
        )

    def route(self, exchange: str, routing_key: str) -> tuple[str, ...]:
        """The queues for one message, each once, in alphabetical order.

        The default exchange (an empty name) leads to the queue named like the key, whether or not
        there is one. An unknown exchange leads nowhere: nothing can be bound to it.
        """
        if not exchange:
            return (routing_key,)
        remembered = self._routes.get((exchange, routing_key))
        if remembered is not None:
            return remembered
        if len(self._routes) >= _ROUTES_REMEMBERED:
            self._routes.clear()
        route = self._match(exchange, routing_key)
        self._routes[exchange, routing_key] = route
        return route

    def _match(self, exchange: str, routing_key: str) -> tuple[str, ...]:
        bindings = self.bindings.get(exchange, ())
        match self.exchanges.get(exchange):
            case "fanout":
                queues = {binding.queue for binding in bindings}
            case "topic":
                queues = {b.queue for b in bindings if topic_matches(b.routing_key, routing_key)}
            case "direct":
                queues = {b.queue for b in bindings if b.routing_key == routing_key}
            case _:
                queues = set()
        return tuple(sorted(queues))


def topic_matches(pattern: str, routing_key: str) -> bool:
    """Whether a key fits a pattern in which ``*`` is one word and ``#`` any number, also none.

    Takes time in proportion to the product of both lengths, whatever the pattern.
    """
    words = routing_key.split(".") if routing_key else []
    # reachable[i]: the pattern read so far can stand for the first i words.
    reachable = [True] + [False] * len(words)
    for part in pattern.split(".") if pattern else []:
        if part == "#":
            first = reachable.index(True) if True in reachable else len(reachable)
            reachable = [position >= first for position in range(len(reachable))]
        else:
            reachable = [False] + [
                reachable[position] and part in ("*", word) for position, word in enumerate(words)
            ]
    return reachable[-1]
