from dataclasses import replace
from datetime import datetime

import pytest

from domain.customer_service.issue.errors import (
    IssueFieldIsInvalid,
    IssueIsFinished,
    IssueIsReportedAlready,
)
from domain.customer_service.issue.issue import Issue
from domain.customer_service.issue.messages import (
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
from domain.email_address import InvalidEmailAddress
from ports.customer_service.queries import Confirmation, IssueState
from tests.domain.minting import NOON, Ascending, KnownIdentifiers, after, uuid_text

ISSUE = uuid_text(1)
TICKET = uuid_text(900)
REPORT = ReportIssue(
    issue_id=ISSUE,
    email="Ann@Example.com",
    subject="Printer on fire",
    content="It burns.\nPlease help.",
)
PREPARED = TicketProgress.PREPARED
TAKEN = TicketProgress.TAKEN_INTO_WORK
RESOLVED = TicketProgress.RESOLVED
PUT_BACK = TicketProgress.PUT_BACK
CANCELLED = TicketProgress.CANCELLED


def reported(command: ReportIssue = REPORT, now: datetime = NOON) -> Issue:
    return Issue.report(
        command,
        numbers=Ascending(),
        identifiers=KnownIdentifiers(),
        correlation_id="conversation",
        now=now,
    )


def an_issue() -> Issue:
    issue = reported()
    issue.pull_events()
    return issue


def news(version: int, progress: TicketProgress, reason: str = "") -> FollowTicket:
    return FollowTicket(
        issue_id=ISSUE,
        ticket_version=version,
        progress=progress,
        occurred_at=after(version),
        reason=reason,
    )


def an_issue_after(*heard: FollowTicket) -> Issue:
    issue = an_issue()
    for piece in heard:
        issue.follow_ticket(piece, now=after(piece.ticket_version))
    issue.pull_events()
    return issue


def closed_event(at: datetime) -> IssueWasClosed:
    return IssueWasClosed(
        issue_id=ISSUE,
        number=1001,
        email="ann@example.com",
        subject="Printer on fire",
        ticket_id=TICKET,
        closed_at=at,
    )


def test_reporting_mints_a_number_and_a_ticket_and_announces_the_issue() -> None:
    issue = reported()

    assert issue.pull_events() == [
        IssueWasReported(
            issue_id=ISSUE,
            number=1001,
            email="ann@example.com",
            subject="Printer on fire",
            content="It burns.\nPlease help.",
            ticket_id=TICKET,
            reported_at=NOON,
        )
    ]
    assert issue.state is IssueState.RECEIVED
    assert issue.confirmation is Confirmation.PENDING
    assert issue.correlation_id == "conversation"


def test_what_was_typed_is_kept_in_its_plain_form() -> None:
    issue = reported(
        replace(REPORT, subject="  Printer\r\n on   fire ", content="\r\nIt burns. \r\nHelp!\x00")
    )

    assert issue.subject == "Printer on fire"
    assert issue.content == "It burns.\nHelp!"


def test_an_issue_needs_an_address_that_can_be_written_to() -> None:
    with pytest.raises(InvalidEmailAddress):
        reported(replace(REPORT, email="ann"))


@pytest.mark.parametrize(
    ("report", "field"),
    [
        (replace(REPORT, subject=" \n "), "subject"),
        (replace(REPORT, subject="x" * 201), "subject"),
        (replace(REPORT, content=" \n\t\n "), "content"),
        (replace(REPORT, content="x" * 20_001), "content"),
        (replace(REPORT, issue_id="1' OR '1'='1"), "issue_id"),
    ],
)
def test_fields_that_are_empty_too_long_or_malformed_are_refused(
    report: ReportIssue, field: str
) -> None:
    with pytest.raises(IssueFieldIsInvalid) as refusal:
        reported(report)

    assert refusal.value.field == field


def test_the_longest_subject_and_content_are_accepted() -> None:
    issue = reported(replace(REPORT, subject="x" * 200, content="y" * 20_000))

    assert (len(issue.subject), len(issue.content)) == (200, 20_000)


def test_reporting_the_same_again_changes_nothing() -> None:
    issue = an_issue()

    assert issue.report_again(replace(REPORT, email=" ann@example.com")) == ISSUE
    assert issue.pull_events() == []


@pytest.mark.parametrize(
    "other",
    [
        replace(REPORT, email="bob@example.com"),
        replace(REPORT, subject="Printer cold"),
        replace(REPORT, content="It does not burn."),
    ],
)
def test_reporting_something_else_under_the_same_id_is_refused(other: ReportIssue) -> None:
    issue = an_issue()

    with pytest.raises(IssueIsReportedAlready):
        issue.report_again(other)


@pytest.mark.parametrize("finished", [RESOLVED, CANCELLED], ids=["resolved", "cancelled"])
def test_saying_the_same_after_the_desk_finished_is_no_repetition(
    finished: TicketProgress,
) -> None:
    issue = an_issue_after(news(2, finished))

    with pytest.raises(IssueIsFinished, match="report another one"):
        issue.report_again(REPORT)


def test_saying_the_same_after_closing_is_no_repetition() -> None:
    issue = an_issue()
    issue.close(CloseIssue(issue_id=ISSUE), now=after(5))

    with pytest.raises(IssueIsFinished):
        issue.report_again(REPORT)


def test_closing_is_announced_with_the_ticket_that_is_no_longer_needed() -> None:
    issue = an_issue()

    issue.close(CloseIssue(issue_id=ISSUE), now=after(5))

    assert issue.pull_events() == [closed_event(after(5))]
    assert issue.state is IssueState.CLOSED
    assert issue.closed_at == issue.changed_at == after(5)


def test_closing_again_changes_nothing() -> None:
    issue = an_issue()
    issue.close(CloseIssue(issue_id=ISSUE), now=after(5))
    issue.pull_events()

    issue.close(CloseIssue(issue_id=ISSUE), now=after(6))

    assert issue.pull_events() == []
    assert issue.closed_at == after(5)


def test_a_resolved_issue_can_still_be_closed() -> None:
    issue = an_issue_after(news(2, TAKEN), news(3, RESOLVED))

    issue.close(CloseIssue(issue_id=ISSUE), now=after(5))

    assert issue.pull_events() == [closed_event(after(5))]


def test_closing_what_the_desk_cancelled_changes_nothing() -> None:
    issue = an_issue_after(news(2, CANCELLED, "A duplicate."))

    issue.close(CloseIssue(issue_id=ISSUE), now=after(5))

    assert issue.pull_events() == []
    assert issue.state is IssueState.CANCELLED


def test_arriving_at_the_desk_is_a_step_and_no_change_of_state() -> None:
    issue = an_issue()

    issue.follow_ticket(news(1, PREPARED), now=after(1))

    assert issue.pull_events() == []
    assert issue.state is IssueState.RECEIVED
    assert issue.arrived_at == after(1)


def test_an_assigned_ticket_takes_the_issue_into_work() -> None:
    issue = an_issue_after(news(1, PREPARED))

    issue.follow_ticket(news(2, TAKEN), now=after(2))

    assert issue.pull_events() == [IssueWasTakenIntoWork(issue_id=ISSUE, occurred_at=after(2))]
    assert (issue.state, issue.in_work_at) == (IssueState.IN_WORK, after(2))


def test_a_resolved_ticket_resolves_the_issue() -> None:
    issue = an_issue_after(news(2, TAKEN))

    issue.follow_ticket(news(3, RESOLVED), now=after(3))

    assert issue.pull_events() == [
        IssueWasResolved(
            issue_id=ISSUE,
            number=1001,
            email="ann@example.com",
            subject="Printer on fire",
            occurred_at=after(3),
        )
    ]
    assert (issue.state, issue.resolved_at) == (IssueState.RESOLVED, after(3))


def test_a_reopened_ticket_takes_the_issue_back_into_work() -> None:
    issue = an_issue_after(news(2, TAKEN), news(3, RESOLVED))

    issue.follow_ticket(news(4, TAKEN), now=after(4))

    assert issue.pull_events() == [IssueWasReopened(issue_id=ISSUE, occurred_at=after(4))]
    assert (issue.state, issue.in_work_at) == (IssueState.IN_WORK, after(2))
    assert issue.resolved_at is None


def test_a_reopened_ticket_that_nobody_has_puts_the_issue_back_to_received() -> None:
    issue = an_issue_after(news(2, TAKEN), news(3, RESOLVED))

    issue.follow_ticket(news(4, PUT_BACK), now=after(4))

    assert issue.pull_events() == [IssueWasReopened(issue_id=ISSUE, occurred_at=after(4))]
    assert issue.state is IssueState.RECEIVED
    assert (issue.in_work_at, issue.resolved_at) == (None, None)


def test_a_ticket_cancelled_by_the_desk_cancels_the_issue_with_the_reason() -> None:
    issue = an_issue()

    issue.follow_ticket(news(2, CANCELLED, "A duplicate."), now=after(2))

    assert issue.pull_events() == [
        IssueWasCancelledByDesk(
            issue_id=ISSUE,
            number=1001,
            email="ann@example.com",
            subject="Printer on fire",
            reason="A duplicate.",
            occurred_at=after(2),
        )
    ]
    assert (issue.state, issue.cancellation_reason) == (IssueState.CANCELLED, "A duplicate.")


def test_news_of_an_older_version_never_move_the_issue_back() -> None:
    issue = an_issue_after(news(3, RESOLVED))

    issue.follow_ticket(news(2, TAKEN), now=after(4))

    assert issue.pull_events() == []
    assert (issue.state, issue.ticket_version) == (IssueState.RESOLVED, 3)


def test_late_news_still_fill_in_when_a_step_was_reached() -> None:
    issue = an_issue_after(news(3, RESOLVED))

    issue.follow_ticket(news(1, PREPARED), now=after(4))
    issue.follow_ticket(news(2, TAKEN), now=after(4))

    assert (issue.arrived_at, issue.in_work_at) == (after(1), after(2))


def test_the_same_news_twice_are_announced_once() -> None:
    issue = an_issue_after(news(2, TAKEN), news(3, RESOLVED))

    issue.follow_ticket(news(3, RESOLVED), now=after(9))

    assert issue.pull_events() == []


@pytest.mark.parametrize(
    "said", [news(3, RESOLVED), news(3, CANCELLED, "A duplicate."), news(3, TAKEN)]
)
def test_what_the_customer_closed_stays_closed_whatever_the_desk_says(said: FollowTicket) -> None:
    issue = an_issue_after(news(2, TAKEN))
    issue.close(CloseIssue(issue_id=ISSUE), now=after(2))
    issue.pull_events()

    issue.follow_ticket(said, now=after(3))

    assert issue.pull_events() == []
    assert issue.state is IssueState.CLOSED


def test_the_echo_of_the_customers_own_closing_tells_nobody_anything() -> None:
    issue = an_issue()
    issue.close(CloseIssue(issue_id=ISSUE), now=after(1))
    issue.pull_events()

    issue.follow_ticket(replace(news(2, CANCELLED), by_customer=True), now=after(2))

    assert issue.pull_events() == []
    assert (issue.state, issue.cancelled_at) == (IssueState.CLOSED, None)


def test_a_cancelled_issue_takes_no_more_news() -> None:
    issue = an_issue_after(news(2, CANCELLED, "A duplicate."))

    issue.follow_ticket(news(3, RESOLVED), now=after(3))

    assert issue.pull_events() == []
    assert issue.state is IssueState.CANCELLED


def test_the_confirmation_that_was_sent_is_noted_once_and_for_all() -> None:
    issue = an_issue()

    issue.note_confirmation(IssueConfirmationWasSent(issue_id=ISSUE))

    assert issue.confirmation is Confirmation.SENT
