"""Who did what, to what, and why. Written by us, never changed, and read by operators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

LONGEST_REASON = 1000  # characters; what is beyond is cut off
LARGEST_PAGE = 200

NO_DETAILS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acted: an account with the name it had then, or the product itself without an id."""

    name: str
    account_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """``id`` grows with each entry. ``action`` is a stable word such as ``failed_message.replay``,
    ``object`` names what it was done to, such as ``failed_message/0190...``."""

    id: int
    at: datetime
    actor: Actor
    action: str
    object: str
    reason: str = ""
    details: Mapping[str, str] = field(default_factory=lambda: NO_DETAILS)


class AuditLog(Protocol):
    """One instance is shared by threads."""

    def record(
        self,
        actor: Actor,
        action: str,
        object: str,
        *,
        at: datetime,
        reason: str = "",
        details: Mapping[str, str] = NO_DETAILS,
    ) -> None:
        """Joins the caller's transaction where there is one, else written at once. A second call
        makes a second entry. Never give it passwords, tokens or what customers wrote."""

    def newest(
        self,
        *,
        limit: int,
        before: int | None = None,
        action: str = "",
        object: str = "",
    ) -> Sequence[AuditEntry]:
        """Latest first, at most ``limit`` and never more than :data:`LARGEST_PAGE`; the next page
        is asked with the last ``id`` as ``before``. ``action`` and ``object`` narrow exactly."""

    def purge(self, *, before: datetime, limit: int) -> int:
        """Forget at most ``limit`` entries of things done before that moment, oldest first, and
        return how many."""
