"""An issue as a row, and back."""

from collections.abc import Mapping
from typing import Any

from adapters.customer_service.tables import issue
from adapters.sql.repositories import RecordMapping
from domain.customer_service.issue.issue import Issue
from domain.email_address import EmailAddress
from ports.customer_service.queries import Confirmation, IssueState

# Columns that hold what the attribute of the same name holds.
_PLAIN = tuple(
    column.name
    for column in issue.columns
    if column.name not in ("version", "email", "state", "confirmation")
)


def _to_row(aggregate: Issue) -> Mapping[str, Any]:
    row: dict[str, Any] = {name: getattr(aggregate, name) for name in _PLAIN}
    row["email"] = aggregate.email.text
    row["state"] = aggregate.state.value
    row["confirmation"] = aggregate.confirmation.value
    return row


def _from_row(row: Mapping[str, Any]) -> Issue:
    plain: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Issue(
        **plain,
        email=EmailAddress(row["email"]),
        state=IssueState(row["state"]),
        confirmation=Confirmation(row["confirmation"]),
    )


ISSUE_RECORDS = RecordMapping(
    aggregate="issue",
    table=issue,
    to_row=_to_row,
    from_row=_from_row,
    identifier="issue_id",
)
