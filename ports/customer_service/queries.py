"""What the pages of Customer Service ask, and the rows they get."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

FOLLOW_LINKS_LIMIT = 20


class IssueState(StrEnum):
    RECEIVED = "received"
    IN_WORK = "in_work"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"  # by the desk
    CLOSED = "closed"  # by the customer


class Confirmation(StrEnum):
    PENDING = "pending"
    SENT = "sent"


class IssueStep(StrEnum):
    REPORTED = "reported"
    RECEIVED = "received"  # it has become a ticket of the desk
    IN_WORK = "in_work"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineStep:
    """``at`` is None for a step that is still to come."""

    step: IssueStep
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueByIdentifier:
    """Answered with an :class:`IssueRow`, or None when there is no such issue."""

    issue_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRow:
    issue_id: str
    number: int
    email: str
    masked_email: str  # enough to be recognised by its owner, too little for anybody else
    subject: str
    content: str
    state: IssueState
    confirmation: Confirmation
    cancellation_reason: str  # empty unless cancelled
    timeline: tuple[TimelineStep, ...]  # what was and what is to come, in order
    reported_at: datetime
    changed_at: datetime
    ticket_id: str
    correlation_id: str

    @property
    def can_be_closed(self) -> bool:
        return self.state in (IssueState.RECEIVED, IssueState.IN_WORK, IssueState.RESOLVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuesOfAddress:
    """The issues reported from an address that are neither closed nor cancelled, newest first, at
    most ``limit``. Answered with a tuple of :class:`IssueOfAddress`."""

    email: str
    limit: int = FOLLOW_LINKS_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueOfAddress:
    issue_id: str
    number: int
    subject: str
    email: str
    reported_at: datetime
