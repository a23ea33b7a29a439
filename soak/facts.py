"""What the databases hold at the end of a run, read by plain SQL."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soak.databases import Databases

CUSTOMER_SERVICE, BACKOFFICE = "customer_service", "backoffice"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRow:
    issue_id: str
    ticket_id: str
    email: str
    state: str
    confirmation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    ticket_id: str
    version: int
    name: str  # without its prefix: prepared, assigned, ...
    event_id: str
    parent_id: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    context: str
    message_id: str
    endpoint: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRow:
    recipient: str
    subject: str
    message_id: str  # without what stands around it


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRow:
    exception: str  # without its module
    endpoint: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    issues: Mapping[str, IssueRow]
    events: Mapping[str, Sequence[EventRow]]  # by ticket, in the order of versions
    deliveries: Sequence[DeliveryRow]
    mails: Sequence[MailRow]
    failed: Sequence[FailedRow]
    ticket_list: Mapping[str, tuple[int, str, str]]  # number, state, assignee
    unassigned: frozenset[str]  # tickets that wait
    messages: int  # in the message table
    jobs: Sequence[str]  # that have not ended


def read_facts(databases: Databases) -> Facts:
    return Facts(
        issues={
            row[0]: IssueRow(
                issue_id=row[0], ticket_id=row[1], email=row[2], state=row[3], confirmation=row[4]
            )
            for row in databases.rows(
                "SELECT issue_id, ticket_id, email, state, confirmation FROM customer_service_issue"
            )
        },
        events=_events(databases),
        deliveries=[
            DeliveryRow(context=row[0], message_id=row[1], endpoint=row[2], state=row[3])
            for row in databases.rows(
                "SELECT context, message_id, endpoint, state FROM runtime_delivery"
            )
        ],
        mails=_mails(databases),
        failed=failed_rows(databases),
        ticket_list={
            row[0]: (row[1], row[2], row[3])
            for row in databases.rows(
                "SELECT ticket_id, number, state, assignee_id FROM backoffice_ticket_list"
            )
        },
        unassigned=frozenset(
            row[0]
            for row in databases.rows(
                "SELECT ticket_id FROM backoffice_unassigned_ticket WHERE waiting_since IS NOT NULL"
            )
        ),
        messages=databases.number("SELECT count(*) FROM runtime_message"),
        jobs=[
            row[0]
            for row in databases.rows("SELECT label FROM runtime_job WHERE finished_at IS NULL")
        ],
    )


def failed_rows(databases: Databases) -> list[FailedRow]:
    return [
        FailedRow(exception=row[0].rpartition(".")[2], endpoint=row[1], reason=row[2])
        for row in databases.rows(
            "SELECT exception, endpoint, reason FROM runtime_failed_message "
            "WHERE deleted_at IS NULL"
        )
    ]


def projected_rows(databases: Databases) -> list[tuple[Any, ...]]:
    """Every row of both lists of tickets, in full."""
    return [
        *databases.rows("SELECT * FROM backoffice_ticket_list ORDER BY ticket_id"),
        *databases.rows("SELECT * FROM backoffice_unassigned_ticket ORDER BY ticket_id"),
    ]


def _events(databases: Databases) -> Mapping[str, Sequence[EventRow]]:
    found: dict[str, list[EventRow]] = defaultdict(list)
    for row in databases.rows(
        "SELECT aggregate_id, version, name, event_id, parent_id, payload FROM runtime_event "
        "WHERE context = 'backoffice' AND aggregate = 'ticket' ORDER BY aggregate_id, version"
    ):
        found[row[0]].append(
            EventRow(
                ticket_id=row[0],
                version=row[1],
                name=row[2].removeprefix("ticket.was_"),
                event_id=row[3],
                parent_id=row[4] or "",
                payload=json.loads(bytes(row[5])),
            )
        )
    return found


def _mails(databases: Databases) -> Sequence[MailRow]:
    return [
        MailRow(
            recipient=recipient,
            subject=row[1],
            message_id=row[2].strip("<>").partition("@")[0],
        )
        for row in databases.monitoring_rows(
            "SELECT recipients, subject, message_id FROM monitoring_mail"
        )
        for recipient in json.loads(row[0])
    ]
