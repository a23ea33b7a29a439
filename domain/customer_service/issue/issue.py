"""What a customer reported, and how it stands: a state-stored aggregate."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from domain.customer_service.issue.errors import (
    IssueFieldIsInvalid,
    IssueIsFinished,
    IssueIsReportedAlready,
)
from domain.customer_service.issue.messages import (
    CLOSE_ISSUE,
    LONGEST_CONTENT,
    LONGEST_SUBJECT,
    REPORT_ISSUE,
    CloseIssue,
    FollowTicket,
    IssueConfirmationWasSent,
    IssueWasCancelledByDesk,
    IssueWasClosed,
    IssueWasReopened,
    IssueWasReported,
    IssueWasResolved,
    IssueWasTakenIntoWork,
    ReportIssue,
    TicketProgress,
)
from domain.email_address import EmailAddress
from domain.plain_text import is_uuid_text, many_lines, one_line
from ports.customer_service.numbers import IssueNumbers
from ports.customer_service.queries import Confirmation, IssueState
from ports.headers import CORRELATION_ID, TIMESTAMP
from ports.inbound.aggregates import RecordsEvents, aggregate
from ports.inbound.handlers import command_handler, event_handler
from ports.inbound.parameters import Header
from ports.outbound.time import Identifiers

Now = Annotated[datetime, Header(TIMESTAMP)]

_OVER = (IssueState.CLOSED, IssueState.CANCELLED)


@aggregate("issue", identifier="issue_id")
@dataclass(slots=True, kw_only=True, eq=False)
class Issue(RecordsEvents):
    """Reported once, followed while the desk works, closed by its customer at any time."""

    issue_id: str
    number: int
    email: EmailAddress
    subject: str
    content: str
    ticket_id: str
    correlation_id: str  # of the conversation that began with the report
    reported_at: datetime
    changed_at: datetime
    state: IssueState = IssueState.RECEIVED
    confirmation: Confirmation = Confirmation.PENDING
    ticket_version: int = 0  # of the latest news from the desk; 0: none yet
    cancellation_reason: str = ""
    arrived_at: datetime | None = None  # at the desk, as a ticket
    in_work_at: datetime | None = None
    resolved_at: datetime | None = None
    cancelled_at: datetime | None = None
    closed_at: datetime | None = None

    @classmethod
    @command_handler(REPORT_ISSUE)
    def report(
        cls,
        command: ReportIssue,
        numbers: IssueNumbers,
        identifiers: Identifiers,
        correlation_id: Annotated[str, Header(CORRELATION_ID)],
        now: Now,
    ) -> Self:
        subject, content = _subject(command.subject), _content(command.content)
        issue = cls(
            issue_id=_identifier(command.issue_id),
            email=EmailAddress.parse(command.email),
            subject=subject,
            content=content,
            number=numbers.next(),
            ticket_id=identifiers.new(),
            correlation_id=correlation_id,
            reported_at=now,
            changed_at=now,
        )
        issue.record(
            IssueWasReported(
                issue_id=issue.issue_id,
                number=issue.number,
                email=issue.email.text,
                subject=subject,
                content=content,
                ticket_id=issue.ticket_id,
                reported_at=now,
            )
        )
        return issue

    @command_handler(REPORT_ISSUE)
    def report_again(self, command: ReportIssue) -> str:
        """A form that was sent twice. Nothing happens, unless the second says something else.

        Raises:
            IssueIsReportedAlready, IssueIsFinished
        """
        said = (EmailAddress.parse(command.email), one_line(command.subject))
        if said != (self.email, self.subject) or many_lines(command.content) != self.content:
            raise IssueIsReportedAlready(self.issue_id, self.number)
        if self.state in (*_OVER, IssueState.RESOLVED):
            raise IssueIsFinished(self.issue_id, self.number)
        return self.issue_id

    @command_handler(CLOSE_ISSUE)
    def close(self, command: CloseIssue, now: Now) -> None:
        if self.state in _OVER:
            return
        self._change(IssueState.CLOSED, now)
        self.closed_at = now
        self.record(
            IssueWasClosed(
                issue_id=self.issue_id,
                number=self.number,
                email=self.email.text,
                subject=self.subject,
                ticket_id=self.ticket_id,
                closed_at=now,
            )
        )

    @command_handler(drop_on_not_found=True)
    def follow_ticket(self, command: FollowTicket, now: Now) -> None:
        """Late news may still fill in when a step was reached; it never moves the issue back. What
        the customer closed or the desk cancelled stays so whatever the desk says."""
        self._note_step(command)
        if command.ticket_version <= self.ticket_version:
            return
        self.ticket_version = command.ticket_version
        if self.state in _OVER:
            return
        match command.progress:
            case TicketProgress.PREPARED:
                pass
            case TicketProgress.TAKEN_INTO_WORK:
                self._take_into_work(command, now)
            case TicketProgress.PUT_BACK:
                self._put_back(command, now)
            case TicketProgress.RESOLVED:
                self._resolve(command, now)
            case TicketProgress.CANCELLED:
                self._cancel(command, now)

    @event_handler(endpoint="issue.note_confirmation", drop_on_not_found=True)
    def note_confirmation(self, event: IssueConfirmationWasSent) -> None:
        self.confirmation = Confirmation.SENT

    def _note_step(self, command: FollowTicket) -> None:
        if command.progress is TicketProgress.PREPARED and self.arrived_at is None:
            self.arrived_at = command.occurred_at
        if command.progress is TicketProgress.TAKEN_INTO_WORK and self.in_work_at is None:
            self.in_work_at = command.occurred_at

    def _take_into_work(self, command: FollowTicket, now: datetime) -> None:
        was_resolved = self.state is IssueState.RESOLVED
        self._change(IssueState.IN_WORK, now)
        self.resolved_at = None
        if was_resolved:
            self.record(IssueWasReopened(issue_id=self.issue_id, occurred_at=command.occurred_at))
        else:
            self.record(
                IssueWasTakenIntoWork(issue_id=self.issue_id, occurred_at=command.occurred_at)
            )

    def _put_back(self, command: FollowTicket, now: datetime) -> None:
        self._change(IssueState.RECEIVED, now)
        self.resolved_at = None
        self.in_work_at = None
        self.record(IssueWasReopened(issue_id=self.issue_id, occurred_at=command.occurred_at))

    def _resolve(self, command: FollowTicket, now: datetime) -> None:
        self._change(IssueState.RESOLVED, now)
        self.resolved_at = command.occurred_at
        self.record(
            IssueWasResolved(
                issue_id=self.issue_id,
                number=self.number,
                email=self.email.text,
                subject=self.subject,
                occurred_at=command.occurred_at,
            )
        )

    def _cancel(self, command: FollowTicket, now: datetime) -> None:
        if command.by_customer:
            self._change(IssueState.CLOSED, now)
            self.closed_at = command.occurred_at
            return
        self._change(IssueState.CANCELLED, now)
        self.cancelled_at = command.occurred_at
        self.cancellation_reason = command.reason
        self.record(
            IssueWasCancelledByDesk(
                issue_id=self.issue_id,
                number=self.number,
                email=self.email.text,
                subject=self.subject,
                reason=command.reason,
                occurred_at=command.occurred_at,
            )
        )

    def _change(self, state: IssueState, now: datetime) -> None:
        self.state = state
        self.changed_at = now


def _identifier(text: str) -> str:
    if not is_uuid_text(text):
        raise IssueFieldIsInvalid("issue_id", "is not a UUID in its usual form")
    return text


def _subject(typed: str) -> str:
    subject = one_line(typed)
    if not subject:
        raise IssueFieldIsInvalid("subject", "is empty")
    if len(subject) > LONGEST_SUBJECT:
        raise IssueFieldIsInvalid("subject", f"has more than {LONGEST_SUBJECT} characters")
    return subject


def _content(typed: str) -> str:
    content = many_lines(typed)
    if not content.strip():
        raise IssueFieldIsInvalid("content", "is empty")
    if len(content) > LONGEST_CONTENT:
        raise IssueFieldIsInvalid("content", f"has more than {LONGEST_CONTENT:,} characters")
    return content
