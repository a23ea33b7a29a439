"""What a runtime knows of each handler once it is compiled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from ports.inbound.delivery import RetryPolicy
from ports.messages import Message


class Kind(StrEnum):
    COMMAND = "command"
    QUERY = "query"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Handling:
    """One message in the hands of one endpoint."""

    message: Message
    attempt: int = 1
    replayed: bool = False


# A handler with everything that it needs bound, prepared once at start.
Call = Callable[[Handling], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    id: str
    kind: Kind
    label: str  # "Ticket.assign", for spans and pages
    where: str  # file and line, for people
    payload_types: tuple[type, ...]
    routing_key: str | None
    channel: str | None  # None: at once, in the sender's stack
    outside: bool
    distributed: bool
    order: int  # among synchronous handlers of one event, higher first
    message_priority: int
    delay: timedelta | None
    time_to_live: timedelta | None
    retry: RetryPolicy
    time_limit: timedelta | None  # of one try, instead of the channel's
    call: Call


def in_order(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Higher priority first, otherwise as declared."""
    return tuple(sorted(endpoints, key=lambda endpoint: -endpoint.order))
