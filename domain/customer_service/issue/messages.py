"""The language of issues: what may be asked, and what happened."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ports.inbound.handlers import named

LONGEST_SUBJECT = 200
LONGEST_CONTENT = 20_000

REPORT_ISSUE = "issue.report"
CLOSE_ISSUE = "issue.close"
SEND_FOLLOW_LINK = "issue.send_follow_link"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportIssue:
    """A customer has a problem. The same ``issue_id`` with the same content again changes nothing,
    so a form that is sent twice leads to one issue.

    Answered with the issue's id.

    Raises:
        InvalidEmailAddress, IssueFieldIsInvalid
        IssueIsReportedAlready: the id was used with other content.
    """

    issue_id: str  # a UUID, minted where the form is made
    email: str
    subject: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseIssue:
    """The customer needs no help any more. Changes nothing when the issue is closed or was
    cancelled by the desk."""

    issue_id: str


@named(SEND_FOLLOW_LINK)
@dataclass(frozen=True, slots=True, kw_only=True)
class SendFollowLink:
    """Mail the links of the newest open issues to the address that they were reported from.

    Nothing happens when there are none, or when the address is none: whoever asks may be a
    stranger, and gets the same answer in every case."""

    email: str


class TicketProgress(StrEnum):
    PREPARED = "prepared"
    TAKEN_INTO_WORK = "taken_into_work"
    RESOLVED = "resolved"
    PUT_BACK = "put_back"  # reopened, and waiting for somebody to take it
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowTicket:
    """The desk said what became of the issue's ticket. News may come late, twice or out of order:
    ``ticket_version`` tells."""

    issue_id: str
    ticket_version: int
    progress: TicketProgress
    occurred_at: datetime
    reason: str = ""
    by_customer: bool = False


@named("issue.was_reported")
@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWasReported:
    issue_id: str
    number: int
    email: str
    subject: str
    content: str
    ticket_id: str
    reported_at: datetime


@named("issue.confirmation_was_sent")
@dataclass(frozen=True, slots=True, kw_only=True)
class IssueConfirmationWasSent:
    issue_id: str


@named("issue.was_taken_into_work")
@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWasTakenIntoWork:
    issue_id: str
    occurred_at: datetime


@named("issue.was_resolved")
@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWasResolved:
    issue_id: str
    number: int
    email: str
    subject: str
    occurred_at: datetime


@named("issue.was_reopened")
@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWasReopened:
    issue_id: str
    occurred_at: datetime


@named("issue.was_cancelled_by_desk")
@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWasCancelledByDesk:
    issue_id: str
    number: int
    email: str
    subject: str
    reason: str
    occurred_at: datetime


@named("issue.was_closed")
@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWasClosed:
    issue_id: str
    number: int
    email: str
    subject: str
    ticket_id: str
    closed_at: datetime
