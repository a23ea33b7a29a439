"""The language of tickets: what may be asked, and what happened.

Preparing a ticket is asked for with ``ports.contracts.backoffice.PrepareTicket``, by the desk's own
form and by other services alike. ``version`` counts the facts of one ticket from 1.
"""

from dataclasses import dataclass
from datetime import datetime

from ports.inbound.handlers import named

LONGEST_SUBJECT = 200
LONGEST_DESCRIPTION = 20_000
LONGEST_TYPE = 40
LONGEST_REASON = 1_000

# Offered by the form; any other word of small letters, digits and dashes is a type too.
USUAL_TYPES = ("question", "incident", "task", "customer-issue")

ASSIGN_TICKET = "ticket.assign"
TAKE_TICKET = "ticket.take"
RESOLVE_TICKET = "ticket.resolve"
REOPEN_TICKET = "ticket.reopen"
CANCEL_TICKET = "ticket.cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignTicket:
    """Give the ticket to an employee, whoever has it now. The same employee again: nothing.

    Raises:
        TicketIsCancelled, TicketIsResolved, NoSuchEmployee, EmployeeIsInactive
    """

    ticket_id: str
    employee_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeTicket:
    """An employee takes a ticket that nobody has. One's own ticket again: nothing.

    Raises:
        TicketIsCancelled, TicketIsResolved, TicketIsTaken, NoSuchEmployee, EmployeeIsInactive
    """

    ticket_id: str
    employee_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveTicket:
    """The work is done. Resolved already: nothing.

    Raises:
        TicketIsCancelled, TicketIsNotAssigned
    """

    ticket_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenTicket:
    """Back to whoever resolved it, or to nobody when that employee is inactive by now. Not
    resolved: nothing.

    Raises:
        TicketIsCancelled
    """

    ticket_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTicket:
    """The desk will not work on it; final. Cancelled already: nothing.

    Raises:
        TicketIsResolved
        TicketFieldIsInvalid: a reason is missing or too long.
    """

    ticket_id: str
    reason: str


@named("ticket.was_withdrawn")
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasWithdrawn:
    """The customer needed no help any more, before the ticket was prepared."""

    ticket_id: str
    version: int
    withdrawn_at: datetime


@named("ticket.was_prepared")
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasPrepared:
    ticket_id: str
    version: int
    number: int
    type: str
    subject: str
    description: str
    customer_email: str  # may be empty
    reference: str  # the customer's issue, or empty
    correlation_id: str
    prepared_at: datetime
    # None: it came from no issue, or was stored before tickets knew the number of theirs.
    issue_number: int | None = None


@named("ticket.was_assigned")
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasAssigned:
    ticket_id: str
    version: int
    reference: str
    assignee_id: str
    assignee_name: str  # as of then
    assigned_at: datetime


@named("ticket.was_reassigned")
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasReassigned:
    ticket_id: str
    version: int
    assignee_id: str
    assignee_name: str
    previous_assignee_id: str
    previous_assignee_name: str
    assigned_at: datetime


@named("ticket.was_resolved")
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasResolved:
    ticket_id: str
    version: int
    reference: str
    resolved_at: datetime


@named("ticket.was_reopened")
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasReopened:
    ticket_id: str
    version: int
    reference: str
    assignee_id: str  # empty: it waits for somebody to take it
    assignee_name: str
    reopened_at: datetime


@named("ticket.was_cancelled")
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasCancelled:
    ticket_id: str
    version: int
    reference: str
    reason: str
    by_customer: bool
    cancelled_at: datetime


TicketEvent = (
    TicketWasWithdrawn
    | TicketWasPrepared
    | TicketWasAssigned
    | TicketWasReassigned
    | TicketWasResolved
    | TicketWasReopened
    | TicketWasCancelled
)
