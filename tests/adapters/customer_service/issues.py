"""Issues as tests need them."""

from datetime import timedelta
from typing import Any

from adapters.customer_service.issue_records import ISSUE_RECORDS
from adapters.customer_service.tables import issue
from domain.customer_service.issue.issue import Issue
from domain.email_address import EmailAddress
from tests.domain.minting import NOON, uuid_text
from tests.support.context_database import OneConnection


def an_issue(number: int = 1001, **differences: Any) -> Issue:
    reported = NOON + timedelta(minutes=number)
    return Issue(
        **{
            "issue_id": uuid_text(number),
            "number": number,
            "email": EmailAddress("ann@example.com"),
            "subject": "Printer on fire",
            "content": "It burns.\nPlease help: ünïcödé ✔",
            "ticket_id": uuid_text(5_000 + number),
            "correlation_id": "conversation",
            "reported_at": reported,
            "changed_at": reported,
            **differences,
        }
    )


def store(connections: OneConnection, *issues: Issue) -> None:
    rows = [{**ISSUE_RECORDS.to_row(stored), "version": 1} for stored in issues]
    connections.current().execute(issue.insert(), rows)
