"""Facts about tickets as tests need them."""

from datetime import datetime
from typing import Any

from adapters.backoffice.ticket_list import TicketList
from adapters.backoffice.unassigned_tickets import UnassignedTickets
from domain.backoffice.ticket.messages import (
    TicketEvent,
    TicketWasAssigned,
    TicketWasCancelled,
    TicketWasPrepared,
    TicketWasReassigned,
    TicketWasReopened,
    TicketWasResolved,
    TicketWasWithdrawn,
)
from tests.domain.minting import after, uuid_text

ADA, BOB = uuid_text(11), uuid_text(12)
NAMES = {ADA: "Ada", BOB: "Bob", "": ""}


def ticket_id(number: int) -> str:
    return uuid_text(number)


def prepared(number: int, **differences: Any) -> TicketWasPrepared:
    return TicketWasPrepared(
        **{
            "ticket_id": ticket_id(number),
            "version": 1,
            "number": number,
            "type": "customer-issue",
            "subject": f"Subject {number}",
            "description": "It burns.\nPlease help.",
            "customer_email": "ann@example.com",
            "reference": "",
            "correlation_id": "conversation",
            "prepared_at": after(number),
            **differences,
        }
    )


def assigned(number: int, to: str = ADA, at: datetime | None = None) -> TicketWasAssigned:
    return TicketWasAssigned(
        ticket_id=ticket_id(number),
        version=2,
        reference="",
        assignee_id=to,
        assignee_name=NAMES[to],
        assigned_at=at or after(number + 1),
    )


def reassigned(number: int, to: str = BOB) -> TicketWasReassigned:
    return TicketWasReassigned(
        ticket_id=ticket_id(number),
        version=3,
        assignee_id=to,
        assignee_name=NAMES[to],
        previous_assignee_id=ADA,
        previous_assignee_name="Ada",
        assigned_at=after(number + 2),
    )


def resolved(number: int) -> TicketWasResolved:
    return TicketWasResolved(
        ticket_id=ticket_id(number), version=4, reference="", resolved_at=after(number + 3)
    )


def reopened(number: int, by: str = "") -> TicketWasReopened:
    return TicketWasReopened(
        ticket_id=ticket_id(number),
        version=5,
        reference="",
        assignee_id=by,
        assignee_name=NAMES[by],
        reopened_at=after(number + 4),
    )


def cancelled(number: int) -> TicketWasCancelled:
    return TicketWasCancelled(
        ticket_id=ticket_id(number),
        version=6,
        reference="",
        reason="A duplicate.",
        by_customer=False,
        cancelled_at=after(number + 5),
    )


def feed_list(rows: TicketList, *events: TicketEvent) -> None:
    for event in events:
        match event:
            case TicketWasPrepared():
                rows.prepared(event)
            case TicketWasAssigned() | TicketWasReassigned():
                rows.assigned(event)
            case TicketWasResolved():
                rows.resolved(event)
            case TicketWasReopened():
                rows.reopened(event)
            case TicketWasCancelled():
                rows.cancelled(event)
            case TicketWasWithdrawn():
                raise AssertionError("the list takes no notice of withdrawals")


def feed_unassigned(rows: UnassignedTickets, *events: TicketEvent) -> None:
    for event in events:
        match event:
            case TicketWasPrepared():
                rows.prepared(event)
            case TicketWasAssigned():
                rows.assigned(event)
            case TicketWasReopened():
                rows.reopened(event)
            case TicketWasCancelled():
                rows.cancelled(event)
            case _:
                pass
