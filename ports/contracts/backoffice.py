"""What Backoffice accepts from other services, and what it announces to them.

``reference`` is the sender's own identifier of what a ticket is about: opaque to Backoffice, handed
back with every announcement, empty for tickets that the desk prepared for itself. Announcements
name no employee. ``version`` counts what happened to one ticket, without gaps in the ticket but
perhaps with gaps in what is announced: a receiver that saw a higher one ignores a lower one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from ports.contracts.constraints import Between
from ports.contracts.numbers import LARGEST_NUMBER
from ports.inbound.handlers import contract

SERVICE = "backoffice"

PREPARE_TICKET = "backoffice.prepare_ticket"
CANCEL_TICKET = "backoffice.cancel_ticket"
TICKET_WAS_PREPARED = "backoffice.ticket_was_prepared"
TICKET_WAS_TAKEN_INTO_WORK = "backoffice.ticket_was_taken_into_work"
TICKET_WAS_RESOLVED = "backoffice.ticket_was_resolved"
TICKET_WAS_REOPENED = "backoffice.ticket_was_reopened"
TICKET_WAS_CANCELLED = "backoffice.ticket_was_cancelled"

CUSTOMER_ISSUE = "customer-issue"  # the type of a ticket that a customer's report led to


@contract(PREPARE_TICKET)
@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareTicket:
    """Put a new ticket before the desk. A second one with the same ``ticket_id`` changes nothing.

    The desk's own form sends it too.
    """

    ticket_id: str  # a UUID, minted by the sender
    type: str
    subject: str
    description: str
    customer_email: str = ""  # empty: nobody is waiting for an answer
    reference: str = ""
    # The number that the customer knows, shown beside the ticket's own; senders of an earlier
    # release leave it out.
    issue_number: Annotated[int | None, Between(1, LARGEST_NUMBER)] = None


@contract(CANCEL_TICKET)
@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTicket:
    """The customer needs no help any more. What is resolved or cancelled stays as it is; a ticket
    that is prepared only later is cancelled then."""

    ticket_id: str


@contract(TICKET_WAS_PREPARED)
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasPrepared:
    ticket_id: str
    reference: str
    version: int
    occurred_at: datetime


@contract(TICKET_WAS_TAKEN_INTO_WORK)
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasTakenIntoWork:
    ticket_id: str
    reference: str
    version: int
    occurred_at: datetime


@contract(TICKET_WAS_RESOLVED)
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasResolved:
    ticket_id: str
    reference: str
    version: int
    occurred_at: datetime


@contract(TICKET_WAS_REOPENED)
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasReopened:
    ticket_id: str
    reference: str
    version: int
    occurred_at: datetime
    in_work: bool  # False: it waits for somebody to take it


@contract(TICKET_WAS_CANCELLED)
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWasCancelled:
    ticket_id: str
    reference: str
    version: int
    occurred_at: datetime
    reason: str
    by_customer: bool
