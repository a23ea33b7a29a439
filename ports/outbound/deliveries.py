"""What became of each delivery: one row per message and endpoint, never per attempt.

The idempotent receiver (Hohpe, Woolf) with a state: ``done`` always wins, a lower attempt than the
row's is stale.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ports.messages import Delivery


class DeliveryState(StrEnum):
    WAITING = "waiting"  # to be tried, with the row's attempt
    DONE = "done"
    FAILED = "failed"  # a failed message, until someone replays or deletes it


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    state: DeliveryState
    attempt: int
    hand_overs: int  # repeated hand-overs of this attempt without an outcome


class Deliveries(Protocol):
    """Rows are keyed by (tenant, context, message id, endpoint)."""

    def find(self, message_id: str, endpoint: str) -> DeliveryRecord | None: ...

    def done(self, delivery: Delivery) -> None:
        """Buffered. Flushing raises :class:`ports.errors.AlreadyDelivered` when the row is done, or
        failed, or stands at a higher attempt; then nothing of the transaction is kept."""

    def count_hand_over(self, delivery: Delivery) -> int:
        """Count one more hand-over of this attempt, at once and not buffered, and return the count.
        A row of a higher attempt, or one that is done or failed, is left as it is: 0."""

    def advance(self, delivery: Delivery, *, failed: bool) -> bool:
        """Compare and set, not buffered: from this delivery's attempt to the next (``waiting``), or
        to ``failed``. False: another outcome was first and nothing changed."""

    def reopen(self, message_id: str, endpoint: str) -> int | None:
        """Make a failed delivery wait again and return its new, higher attempt. None: it is not
        failed."""
