"""What the pages of Backoffice ask, and the rows they get.

Lists are bounded: a page has at most ``LARGEST_PAGE`` rows, and totals are counted up to
``COUNT_LIMIT``, which then stands for "so many or more".
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LARGEST_PAGE = 200
COUNT_LIMIT = 100_000
HISTORY_LIMIT = 500
PICK_LIMIT = 20


class TicketState(StrEnum):
    UNASSIGNED = "unassigned"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"


class TicketView(StrEnum):
    UNASSIGNED = "unassigned"
    MINE = "mine"  # assigned to the employee who looks, and not yet resolved
    ALL = "all"
    CLOSED = "closed"  # resolved or cancelled


class TicketSort(StrEnum):
    NUMBER = "number"
    SUBJECT = "subject"
    TYPE = "type"
    CUSTOMER = "customer"
    ASSIGNEE = "assignee"
    STATE = "state"
    PREPARED = "prepared"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTickets:
    """Answered with a :class:`TicketPage`, by the projection ``ticket_list``.

    Filters narrow the view, and each other. The words of ``search`` are found anywhere in subject,
    customer and description, whatever the case. ``#1007`` is found in the number of the issue,
    ``T-1008`` in that of the ticket, a plain ``1007`` in either, and beside other words also in the
    text. Ties are ordered by number, latest first.
    """

    view: TicketView = TicketView.ALL
    employee_id: str = ""  # whose tickets ``MINE`` means; empty: nobody's
    search: str = ""
    state: TicketState | None = None
    assignee_id: str = ""
    type: str = ""
    sort: TicketSort = TicketSort.NUMBER
    descending: bool = True
    page: int = 1  # from 1; beyond the last: no rows
    page_size: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRow:
    ticket_id: str
    number: int
    issue_number: int | None
    type: str
    subject: str
    summary: str  # the beginning of the description, one line
    customer_email: str  # may be empty
    state: TicketState
    assignee_id: str  # empty when unassigned; kept when resolved or cancelled
    assignee_name: str
    prepared_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketPage:
    rows: tuple[TicketRow, ...]
    total: int  # of all pages; COUNT_LIMIT: at least so many
    page: int
    page_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTickets:
    """Answered with :class:`TicketCounts`, for the tabs of the list."""

    employee_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketCounts:
    """Each at most COUNT_LIMIT."""

    unassigned: int
    mine: int
    all: int
    closed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketTypes:
    """The types that tickets have, ascending, at most 100. Answered with a tuple of texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextUnassignedTickets:
    """The tickets that wait longest for somebody, longest first. Answered with a tuple of
    :class:`UnassignedTicketRow`, by the projection ``unassigned_tickets``."""

    limit: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class UnassignedTicketRow:
    ticket_id: str
    number: int
    issue_number: int | None
    type: str
    subject: str
    waiting_since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketDetails:
    """Answered with :class:`TicketFacts`, always fresh, by the ticket itself.

    Raises:
        AggregateNotFound: there is no such ticket.
    """

    ticket_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFacts:
    ticket_id: str
    number: int
    type: str
    subject: str
    description: str
    customer_email: str  # may be empty
    reference: str  # the customer's issue, or empty
    issue_number: int | None
    correlation_id: str  # of the conversation in which it was prepared
    state: TicketState
    assignee_id: str  # empty when unassigned
    assignee_name: str
    cancellation_reason: str
    cancelled_by_customer: bool
    prepared_at: datetime
    changed_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketHistory:
    """Everything that happened to a ticket, oldest first, at most the latest HISTORY_LIMIT
    entries. Answered with a tuple of :class:`HistoryEntry`, fresh; empty: no such ticket."""

    ticket_id: str


class HistoryKind(StrEnum):
    WITHDRAWN = "withdrawn"  # the customer closed the issue before the ticket was prepared
    PREPARED = "prepared"
    ASSIGNED = "assigned"
    REASSIGNED = "reassigned"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    field: str  # "state" or "assignee"
    old: str  # empty: there was none
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    version: int
    kind: HistoryKind
    at: datetime
    actor: str  # as shown when it happened; empty: nobody signed in
    actor_id: str
    changes: tuple[FieldChange, ...]
    reason: str  # of a cancellation
    by_customer: bool
    event_id: str
    event_name: str
    correlation_id: str
    trace: str  # W3C traceparent, or empty


class EmployeeStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"


class EmployeeSort(StrEnum):
    NAME = "name"
    EMAIL = "email"
    STATUS = "status"
    REGISTERED = "registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEmployees:
    """Answered with an :class:`EmployeePage`. ``search`` is found anywhere in name and e-mail."""

    search: str = ""
    status: EmployeeStatus | None = None
    sort: EmployeeSort = EmployeeSort.NAME
    descending: bool = False
    page: int = 1
    page_size: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeRow:
    employee_id: str
    name: str
    email: str
    status: EmployeeStatus
    open_tickets: int  # assigned and not yet resolved, as far as ``ticket_list`` has come
    registered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeePage:
    rows: tuple[EmployeeRow, ...]
    total: int
    page: int
    page_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeDetails:
    """Answered with :class:`EmployeeFacts`, or None when nobody has this id."""

    employee_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeFacts:
    employee_id: str
    account_id: str
    name: str
    email: str
    status: EmployeeStatus
    open_tickets: int
    registered_at: datetime
    activated_at: datetime | None  # the latest time
    deactivated_at: datetime | None
    invited_at: datetime | None  # when the latest invitation was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeOfAccount:
    """Who signs in with an account. Answered with :class:`EmployeeFacts`, or None."""

    account_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveEmployees:
    """Whom a ticket may be given to: by name, at most ``limit``. Answered with a tuple of
    :class:`ActiveEmployee`. ``search`` is found anywhere in name and e-mail."""

    search: str = ""
    limit: int = PICK_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveEmployee:
    employee_id: str
    name: str
    email: str
