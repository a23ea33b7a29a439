"""What the pages of Customer Service ask, answered from the table of issues: always fresh."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from adapters.customer_service.tables import issue
from adapters.sql.connections import Connections
from domain.email_address import masked
from ports.customer_service.queries import (
    FOLLOW_LINKS_LIMIT,
    Confirmation,
    IssueByIdentifier,
    IssueOfAddress,
    IssueRow,
    IssuesOfAddress,
    IssueState,
    IssueStep,
    TimelineStep,
)
from ports.inbound.handlers import query_handler

_BY_IDENTIFIER = sa.select(issue).where(issue.c.issue_id == sa.bindparam("issue_id"))

_OF_ADDRESS = (
    sa.select(issue.c.issue_id, issue.c.number, issue.c.subject, issue.c.email, issue.c.reported_at)
    .where(
        issue.c.email == sa.bindparam("email"),
        issue.c.state.in_(
            [IssueState.RECEIVED.value, IssueState.IN_WORK.value, IssueState.RESOLVED.value]
        ),
    )
    .order_by(issue.c.number.desc())
    .limit(sa.bindparam("most", type_=sa.Integer))
)


class IssueQueries:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @query_handler()
    def by_identifier(self, query: IssueByIdentifier) -> IssueRow | None:
        found = self._connections.current().execute(_BY_IDENTIFIER, {"issue_id": query.issue_id})
        row = found.mappings().one_or_none()
        return None if row is None else _issue_row(row)

    @query_handler()
    def of_address(self, query: IssuesOfAddress) -> tuple[IssueOfAddress, ...]:
        most = max(0, min(query.limit, FOLLOW_LINKS_LIMIT))
        found = self._connections.current().execute(
            _OF_ADDRESS, {"email": query.email, "most": most}
        )
        return tuple(IssueOfAddress(**row) for row in found.mappings())


def _issue_row(row: Mapping[Any, Any]) -> IssueRow:
    return IssueRow(
        issue_id=row["issue_id"],
        number=row["number"],
        email=row["email"],
        masked_email=masked(row["email"]),
        subject=row["subject"],
        content=row["content"],
        state=IssueState(row["state"]),
        confirmation=Confirmation(row["confirmation"]),
        cancellation_reason=row["cancellation_reason"],
        timeline=_timeline(row),
        reported_at=row["reported_at"],
        changed_at=row["changed_at"],
        ticket_id=row["ticket_id"],
        correlation_id=row["correlation_id"],
    )


def _timeline(row: Mapping[Any, Any]) -> tuple[TimelineStep, ...]:
    """News may be late: a step that a later one shows to be over is left out until its time is
    known, and is not shown as still to come."""
    way: list[tuple[IssueStep, datetime | None]] = [
        (IssueStep.REPORTED, row["reported_at"]),
        (IssueStep.RECEIVED, row["arrived_at"]),
        (IssueStep.IN_WORK, row["in_work_at"]),
        (IssueStep.RESOLVED, row["resolved_at"]),
    ]
    if row["state"] == IssueState.CANCELLED:
        way.append((IssueStep.CANCELLED, row["cancelled_at"]))
    if row["state"] == IssueState.CLOSED:
        way.append((IssueStep.CLOSED, row["closed_at"]))
    reached = max(index for index, (_, at) in enumerate(way) if at is not None)
    return tuple(
        TimelineStep(step=step, at=at)
        for index, (step, at) in enumerate(way)
        if at is not None or index > reached
    )
