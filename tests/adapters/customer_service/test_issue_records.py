import sqlalchemy as sa

from adapters.customer_service.issue_records import ISSUE_RECORDS
from adapters.customer_service.tables import issue
from domain.customer_service.issue.issue import Issue
from ports.customer_service.queries import Confirmation, IssueState
from tests.adapters.customer_service.issues import an_issue, store
from tests.domain.minting import after
from tests.support.context_database import OneConnection


def as_values(stored: Issue) -> dict[str, object]:
    return {
        column.name: getattr(stored, column.name)
        for column in issue.columns
        if column.name != "version"
    }


def test_an_issue_comes_back_from_its_row_as_it_was(connections: OneConnection) -> None:
    fresh = an_issue(1001)
    worked_on = an_issue(
        1002,
        state=IssueState.CANCELLED,
        confirmation=Confirmation.SENT,
        ticket_version=7,
        cancellation_reason="A duplicate.",
        arrived_at=after(1),
        in_work_at=after(2),
        resolved_at=after(3),
        cancelled_at=after(4),
        closed_at=after(5),
    )
    store(connections, fresh, worked_on)

    rows = connections.current().execute(sa.select(issue).order_by(issue.c.number)).mappings()

    assert [as_values(ISSUE_RECORDS.from_row(dict(row))) for row in rows] == [
        as_values(fresh),
        as_values(worked_on),
    ]


def test_every_column_but_the_version_is_written() -> None:
    written = set(ISSUE_RECORDS.to_row(an_issue()))

    assert written == {column.name for column in issue.columns} - {"version"}
