import pytest

from adapters.customer_service.issue_queries import IssueQueries
from domain.email_address import EmailAddress
from ports.customer_service.queries import (
    Confirmation,
    IssueByIdentifier,
    IssueOfAddress,
    IssueRow,
    IssuesOfAddress,
    IssueState,
    IssueStep,
    TimelineStep,
)
from tests.adapters.customer_service.issues import an_issue, store
from tests.domain.minting import after, uuid_text
from tests.support.context_database import OneConnection

REPORTED, RECEIVED, IN_WORK, RESOLVED, CANCELLED, CLOSED = IssueStep


@pytest.fixture
def queries(connections: OneConnection) -> IssueQueries:
    return IssueQueries(connections)


def found(queries: IssueQueries, number: int = 1001) -> IssueRow:
    row = queries.by_identifier(IssueByIdentifier(issue_id=uuid_text(number)))
    assert row is not None
    return row


def timeline(queries: IssueQueries) -> list[tuple[IssueStep, bool]]:
    return [(step.step, step.at is not None) for step in found(queries).timeline]


def test_an_issue_is_found_by_its_identifier(
    queries: IssueQueries, connections: OneConnection
) -> None:
    store(connections, an_issue(1001), an_issue(1002))

    assert found(queries, 1002) == IssueRow(
        issue_id=uuid_text(1002),
        number=1002,
        email="ann@example.com",
        masked_email="a•••@example.com",
        subject="Printer on fire",
        content="It burns.\nPlease help: ünïcödé ✔",
        state=IssueState.RECEIVED,
        confirmation=Confirmation.PENDING,
        cancellation_reason="",
        timeline=(
            TimelineStep(step=REPORTED, at=after(1002)),
            TimelineStep(step=RECEIVED, at=None),
            TimelineStep(step=IN_WORK, at=None),
            TimelineStep(step=RESOLVED, at=None),
        ),
        reported_at=after(1002),
        changed_at=after(1002),
        ticket_id=uuid_text(6002),
        correlation_id="conversation",
    )


def test_an_unknown_issue_is_no_row(queries: IssueQueries) -> None:
    assert queries.by_identifier(IssueByIdentifier(issue_id="' OR 1=1 --")) is None


def test_the_timeline_shows_what_was_and_what_is_to_come(
    queries: IssueQueries, connections: OneConnection
) -> None:
    store(connections, an_issue(state=IssueState.IN_WORK, arrived_at=after(1), in_work_at=after(2)))

    assert timeline(queries) == [
        (REPORTED, True),
        (RECEIVED, True),
        (IN_WORK, True),
        (RESOLVED, False),
    ]


def test_a_step_whose_news_are_late_is_not_shown_as_still_to_come(
    queries: IssueQueries, connections: OneConnection
) -> None:
    store(connections, an_issue(state=IssueState.RESOLVED, resolved_at=after(3)))

    assert timeline(queries) == [(REPORTED, True), (RESOLVED, True)]


def test_the_timeline_of_a_closed_issue_ends_with_the_closing(
    queries: IssueQueries, connections: OneConnection
) -> None:
    store(connections, an_issue(state=IssueState.CLOSED, arrived_at=after(1), closed_at=after(2)))

    assert timeline(queries) == [(REPORTED, True), (RECEIVED, True), (CLOSED, True)]
    assert not found(queries).can_be_closed


def test_the_timeline_of_a_cancelled_issue_ends_with_the_cancellation(
    queries: IssueQueries, connections: OneConnection
) -> None:
    store(
        connections,
        an_issue(
            state=IssueState.CANCELLED, cancelled_at=after(2), cancellation_reason="A duplicate."
        ),
    )

    assert timeline(queries) == [(REPORTED, True), (CANCELLED, True)]
    assert found(queries).cancellation_reason == "A duplicate."


def test_the_open_issues_of_an_address_come_newest_first(
    queries: IssueQueries, connections: OneConnection
) -> None:
    store(
        connections,
        an_issue(1001),
        an_issue(1002, state=IssueState.CLOSED),
        an_issue(1003, state=IssueState.RESOLVED),
        an_issue(1004, state=IssueState.CANCELLED),
        an_issue(1005, email=EmailAddress("bob@example.com")),
        an_issue(1006, state=IssueState.IN_WORK),
    )

    answer = queries.of_address(IssuesOfAddress(email="ann@example.com"))

    assert [issue.number for issue in answer] == [1006, 1003, 1001]
    assert answer[0] == IssueOfAddress(
        issue_id=uuid_text(1006),
        number=1006,
        subject="Printer on fire",
        email="ann@example.com",
        reported_at=after(1006),
    )


def test_at_most_twenty_issues_of_an_address_are_named(
    queries: IssueQueries, connections: OneConnection
) -> None:
    store(connections, *(an_issue(number) for number in range(1001, 1031)))

    answer = queries.of_address(IssuesOfAddress(email="ann@example.com", limit=1_000))

    assert [issue.number for issue in answer] == list(range(1030, 1010, -1))


def test_an_address_that_reported_nothing_has_no_issues(queries: IssueQueries) -> None:
    assert queries.of_address(IssuesOfAddress(email="nobody@example.com")) == ()
