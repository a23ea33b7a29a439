"""Message channels: how a delivery gets from the message table to a receiver.

A channel belongs to one context. Kinds differ in what they can do; a declaration that needs what
its channel lacks is refused at start.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ports.inbound.delivery import RetryPolicy
from ports.messages import Delivery


class ChannelKind(StrEnum):
    DIRECT = "direct"  # handled in the sender's transaction
    IN_MEMORY = "in-memory"  # a queue in this process, for tests
    DATABASE = "database"  # consumed straight from the message table
    CELERY = "celery"  # a queue of the broker, worked off by Celery workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    delay: bool
    priority: bool
    ttl: bool
    order: bool  # keeps the order of deliveries of one key
    batch: bool
    streaming: bool


# The one table of what each kind can do. Delays and expiry of a Celery channel are kept by the
# message table and the relay, never by the broker.
CAPABILITIES: dict[ChannelKind, Capabilities] = {
    ChannelKind.DIRECT: Capabilities(
        delay=False, priority=False, ttl=False, order=True, batch=False, streaming=False
    ),
    ChannelKind.IN_MEMORY: Capabilities(
        delay=True, priority=True, ttl=True, order=True, batch=False, streaming=False
    ),
    ChannelKind.DATABASE: Capabilities(
        delay=True, priority=True, ttl=True, order=True, batch=False, streaming=False
    ),
    ChannelKind.CELERY: Capabilities(
        delay=True, priority=True, ttl=True, order=False, batch=False, streaming=False
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDeclaration:
    """Switching the kind of a channel is a change of this one line."""

    name: str
    kind: ChannelKind = ChannelKind.CELERY
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    prioritised: bool = False  # a Celery channel then lives on a priority queue
    time_limit_seconds: float = 240.0

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES[self.kind]


class PublishOutcome(StrEnum):
    CONFIRMED = "confirmed"
    RETURNED = "returned"  # the broker has no queue for it; it backs off alone
    REFUSED = "refused"  # it has no form in which the channel could carry it, now or later
    UNCONFIRMED = "unconfirmed"  # sent to a broker that is not trusted to keep it


class MessageChannel(Protocol):
    """The sending end. ``publish`` is called by the relay, outside any transaction."""

    name: str  # the full name: <context>.<channel>
    capabilities: Capabilities
    confirms: bool  # False: outcomes are never better than UNCONFIRMED

    def publish(self, deliveries: Sequence[Delivery]) -> Sequence[PublishOutcome]:
        """Hand over all of them, pipelined, and wait (with a limit) until each has an outcome, in
        the order given.

        Raises:
            ChannelUnavailable: the outcome of all is unknown; publishing again may double them.
        """

    def depth(self) -> int | None:
        """Messages ready in the channel; None while it cannot be reached."""

    def is_empty(self) -> bool | None:
        """Whether it holds nothing, neither ready nor in the hands of a consumer; None where it
        cannot be asked."""

    def close(self) -> None: ...


# What a consumer of a channel calls for each delivery: returns when an outcome is committed (then
# the message is acknowledged), raises when none could be (then it is handed over again).
# ``hand_overs`` counts earlier hand-overs as far as the broker knows: 0 for the first.
Receiver = Callable[[Delivery, int], None]

# The same for what could not be decoded: channel, the raw bytes, the reason.
RejectedReceiver = Callable[[str, bytes, Exception], None]
