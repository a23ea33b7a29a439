"""Who did what, to what, and why. Written by us, never changed, and read by operators."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

LONGEST_REASON = 1000  # characters; what is beyond is cut off
LARGEST_PAGE = 200

# The detail that says what became of a deed in another store; without it, entry and deed were one
# commit.
OUTCOME = "outcome"

NO_DETAILS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acted: an account with the name it had then, or the product itself without an id."""

    name: str
    account_id: str = ""


class Outcome(StrEnum):
    BEGUN = "begun"  # and nothing else is known: the process died, or it is still at work
    DONE = "done"
    NOT_DONE = "not done"


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
    ) -> int:
        """The id of the entry. Joins the caller's transaction where there is one, else written at
        once. A second call makes a second entry. Never give it passwords, tokens or what customers
        wrote."""

    def conclude(self, entry_id: int, outcome: Outcome) -> None:
        """Say what became of a deed that was recorded as begun; nothing else of an entry changes.
        Of one that is gone, nothing is said."""

    def joins(self) -> bool:
        """Whether what is recorded now is part of the caller's transaction."""

    def one_commit(self) -> AbstractContextManager[None]:
        """What is done inside with accounts, sessions, jobs and this log, in the thread that
        entered, is one commit: an error that leaves it undoes everything. Within a transaction of
        the caller's it joins that."""

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
