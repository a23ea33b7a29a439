"""Deliveries that failed every attempt, kept with their reason until a person decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5

from ports.messages import Delivery

_NAMESPACE = UUID("3f0cbb2e-5d1c-5a3e-9d4b-6f6b0c1e7a52")


def failed_message_id(message_id: str, endpoint: str) -> str:
    """The same for every failure of one delivery, so that it is parked at most once."""
    return str(uuid5(_NAMESPACE, f"{message_id}\n{endpoint}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why one attempt failed. ``stack_trace`` is Python's own text, bounded in length."""

    exception: str  # class name, with its module unless builtin
    reason: str  # bounded in length
    stack_trace: str
    failed_at: datetime
    trace: str = ""  # traceparent of the span that failed


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessage:
    """``delivery`` is None when the message could not be read; ``raw`` then holds its bytes."""

    id: str  # derived from message id and endpoint
    channel: str
    endpoint: str
    message_id: str
    failure: Failure
    delivery: Delivery | None = None
    raw: bytes = b""
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One line in the history of a delivery."""

    attempt: int
    outcome: str  # "retried", "failed", "replayed", "done", "deleted", "restored"
    at: datetime
    reason: str = ""
    actor: str = ""
    trace: str = ""


class FailedMessages(Protocol):
    """Every method works at once in the transaction of its unit of work."""

    def park(self, failed: FailedMessage) -> None:
        """Keep it. The same id again replaces the earlier one."""

    def take(self, failed_message_id: str) -> FailedMessage:
        """Remove and return one that is not deleted.

        Raises:
            NoSuchFailedMessage: it is not there, or someone took it first.
        """

    def find(self, failed_message_id: str) -> FailedMessage | None: ...

    def delete(self, failed_message_id: str, *, at: datetime) -> None:
        """Mark as deleted; it can be restored until it is purged.

        Raises:
            NoSuchFailedMessage
        """

    def restore(self, failed_message_id: str) -> None:
        """Raises:
        NoSuchFailedMessage: it is not among the deleted.
        """

    def oldest(self, *, after: str = "", limit: int) -> Sequence[str]:
        """Ids of those not deleted, ascending, beyond ``after``: a stable walk over all."""

    def note_attempt(self, failed_message_id: str, attempt: Attempt) -> None:
        """Add to the history of this delivery; it outlives :meth:`take`."""

    def attempts(self, failed_message_id: str) -> Sequence[Attempt]:
        """Oldest first, at most the latest 100."""
