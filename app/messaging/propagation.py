"""What a message inherits from the message that is being handled.

User headers, the correlation id and the tenant are inherited; ids and timestamps are fresh; what
belongs to a delivery (attempt, replayed mark, delay, priority), or addresses an instance, never is.
"""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import MappingProxyType

from app.messaging.endpoints import Handling
from ports.errors import HeaderIsReserved
from ports.headers import AGGREGATE_ID, RESERVED
from ports.messages import NO_HEADERS, HeaderValue, Metadata
from ports.outbound.telemetry import Tracer
from ports.outbound.time import Clock, Identifiers


class Propagation:
    """One per runtime, so that two runtimes in one process never inherit from each other."""

    def __init__(
        self, source: str, *, clock: Clock, identifiers: Identifiers, tracer: Tracer
    ) -> None:
        self._source = source
        self._now = clock.now
        self._new_id = identifiers.new
        self._tracer = tracer
        self._current: ContextVar[Handling | None] = ContextVar(f"handling in {source}")

    def current(self) -> Handling | None:
        return self._current.get(None)

    def enter(self, handling: Handling) -> Token[Handling | None]:
        return self._current.set(handling)

    def leave(self, token: Token[Handling | None]) -> None:
        self._current.reset(token)

    def next_metadata(
        self,
        headers: Mapping[str, HeaderValue] = NO_HEADERS,
        correlation_id: str | None = None,
    ) -> Metadata:
        """For a message that is sent now.

        Raises:
            HeaderIsReserved
        """
        if headers and not RESERVED.isdisjoint(headers):
            raise HeaderIsReserved(min(RESERVED.intersection(headers)))
        handling = self._current.get(None)
        new_id = self._new_id()
        trace = self._tracer.current_trace() if self._tracer.recording else ""
        if handling is None:
            return Metadata(
                id=new_id,
                correlation_id=correlation_id or new_id,
                timestamp=self._now(),
                source=self._source,
                trace=trace,
                headers=MappingProxyType(dict(headers)) if headers else NO_HEADERS,
            )
        parent = handling.message.metadata
        inherited = parent.headers
        if AGGREGATE_ID in inherited:
            # It addressed the message at hand, not those that follow.
            inherited = MappingProxyType(
                {name: value for name, value in inherited.items() if name != AGGREGATE_ID}
            )
        return Metadata(
            id=new_id,
            correlation_id=parent.correlation_id,
            timestamp=self._now(),
            source=self._source,
            parent_id=parent.id,
            tenant=parent.tenant,
            trace=trace or parent.trace,
            headers=MappingProxyType({**inherited, **headers}) if headers else inherited,
        )
