"""What a message is: inside a process, on its way, and for one endpoint.

The words are those of *Enterprise Integration Patterns* (Hohpe, Woolf): a message has a payload
and headers; a correlation identifier joins the messages of one conversation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

JSON = "application/json"

HeaderValue = str | int | float | bool

NO_HEADERS: Mapping[str, HeaderValue] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Where a message stands in its conversation.

    ``trace`` is a W3C ``traceparent`` or empty. ``headers`` are the user's own; they are inherited
    by every message that is sent while this one is handled.
    """

    id: str  # UUIDv7
    correlation_id: str
    timestamp: datetime  # aware, UTC
    source: str  # the service (context) that sent it
    parent_id: str | None = None
    tenant: str = ""
    trace: str = ""
    headers: Mapping[str, HeaderValue] = field(default_factory=lambda: NO_HEADERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message inside a process: its payload is an object that handlers understand."""

    payload: object
    name: str  # stable wire name; empty for a class that never leaves the process
    metadata: Metadata
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A message that can be stored or travel: its payload is bytes of ``content_type``."""

    payload: bytes
    name: str
    metadata: Metadata
    revision: int = 1
    content_type: str = JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one endpoint.

    Copies of one message share its id and are told apart by ``endpoint``. ``attempt`` counts the
    delayed retries and replays of this copy from 1 and never belongs to its key.
    """

    envelope: Envelope
    channel: str
    endpoint: str
    attempt: int = 1
    first_attempt: int = 1  # of this round of retries; a replay begins a new one
    replayed: bool = False
    replay_trace: str = ""  # the operator's request, linked from the replayed span
    hand_over_trace: str = ""  # the relay's span, above the receiver's; travels, and is not stored
    priority: int = 4  # 0 to 9, 9 first; ignored by channels that know no priority
    key: str = ""  # deliveries of one key leave their channel in the order they were added
    available_at: datetime | None = None  # not handed over before; None: at once
    expires_at: datetime | None = None  # silently dropped after; None: never
