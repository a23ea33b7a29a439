"""A piece of work of the desk: an event-sourced aggregate."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from domain.backoffice.errors import EmployeeIsInactive, NoSuchEmployee
from domain.backoffice.ticket.errors import (
    TicketFieldIsInvalid,
    TicketIsCancelled,
    TicketIsNotAssigned,
    TicketIsResolved,
    TicketIsTaken,
)
from domain.backoffice.ticket.messages import (
    ASSIGN_TICKET,
    CANCEL_TICKET,
    LONGEST_DESCRIPTION,
    LONGEST_REASON,
    LONGEST_SUBJECT,
    LONGEST_TYPE,
    REOPEN_TICKET,
    RESOLVE_TICKET,
    TAKE_TICKET,
    AssignTicket,
    CancelTicket,
    ReopenTicket,
    ResolveTicket,
    TakeTicket,
    TicketEvent,
    TicketWasAssigned,
    TicketWasCancelled,
    TicketWasPrepared,
    TicketWasReassigned,
    TicketWasReopened,
    TicketWasResolved,
    TicketWasWithdrawn,
)
from domain.email_address import EmailAddress
from domain.plain_text import is_uuid_text, many_lines, one_line
from ports.backoffice.employees import EmployeeDirectory, EmployeeEntry
from ports.backoffice.numbers import TicketNumbers
from ports.backoffice.queries import TicketDetails, TicketFacts, TicketState
from ports.contracts import backoffice as contract
from ports.errors import AggregateNotFound
from ports.headers import CORRELATION_ID, TIMESTAMP
from ports.inbound.aggregates import applies, event_sourced_aggregate
from ports.inbound.delivery import distributed
from ports.inbound.handlers import command_handler, query_handler
from ports.inbound.parameters import Header

Now = Annotated[datetime, Header(TIMESTAMP)]
CorrelationId = Annotated[str, Header(CORRELATION_ID)]

CLOSED_BY_CUSTOMER = "The customer closed the issue."

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_SLUG = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@event_sourced_aggregate("ticket", identifier="ticket_id")
class Ticket:
    """Prepared once; unassigned, assigned or resolved; cancelled for good.

    A ticket can be withdrawn by the customer before it was prepared, because the two messages
    travel apart. It is then cancelled as soon as it is prepared.
    """

    __slots__ = (
        "_assignee",
        "_cancelled",
        "_changed_at",
        "_prepared",
        "_state",
        "_version",
        "ticket_id",
    )

    def __init__(self) -> None:
        self.ticket_id = ""
        self._version = 0
        self._prepared: TicketWasPrepared | None = None  # None: withdrawn, and not prepared yet
        self._state = TicketState.UNASSIGNED
        self._assignee: _Assignee | None = None
        self._cancelled: TicketWasCancelled | None = None
        self._changed_at = _BEGINNING

    @classmethod
    @distributed
    @command_handler(contract.PREPARE_TICKET)
    def prepare(
        cls,
        command: contract.PrepareTicket,
        numbers: TicketNumbers,
        correlation_id: CorrelationId,
        now: Now,
    ) -> list[TicketEvent]:
        return [_prepared(command, 1, numbers, correlation_id, now)]

    @distributed
    @command_handler(contract.PREPARE_TICKET)
    def prepare_again(
        self,
        command: contract.PrepareTicket,
        numbers: TicketNumbers,
        correlation_id: CorrelationId,
        now: Now,
    ) -> list[TicketEvent]:
        """Nothing, unless all that is known so far is that the customer withdrew."""
        if self._prepared is not None:
            return []
        prepared = _prepared(command, self._version + 1, numbers, correlation_id, now)
        cancelled = TicketWasCancelled(
            ticket_id=self.ticket_id,
            version=prepared.version + 1,
            reference=prepared.reference,
            reason=CLOSED_BY_CUSTOMER,
            by_customer=True,
            cancelled_at=now,
        )
        return [prepared, cancelled]

    @command_handler(ASSIGN_TICKET)
    def assign(
        self, command: AssignTicket, employees: EmployeeDirectory, now: Now
    ) -> list[TicketEvent]:
        ticket = self._workable()
        before = self._assignee
        if before is not None and before.employee_id == command.employee_id:
            return []
        employee = _active(command.employee_id, employees)
        if before is None:
            return [self._was_assigned(employee, ticket, now)]
        return [
            TicketWasReassigned(
                ticket_id=self.ticket_id,
                version=self._version + 1,
                assignee_id=employee.employee_id,
                assignee_name=employee.name,
                previous_assignee_id=before.employee_id,
                previous_assignee_name=before.name,
                assigned_at=now,
            )
        ]

    @command_handler(TAKE_TICKET)
    def take(
        self, command: TakeTicket, employees: EmployeeDirectory, now: Now
    ) -> list[TicketEvent]:
        ticket = self._workable()
        if self._assignee is None:
            return [self._was_assigned(_active(command.employee_id, employees), ticket, now)]
        if self._assignee.employee_id == command.employee_id:
            return []
        raise TicketIsTaken(self.ticket_id, ticket.number, self._assignee.name)

    @command_handler(RESOLVE_TICKET)
    def resolve(self, command: ResolveTicket, now: Now) -> list[TicketEvent]:
        ticket = self._not_cancelled()
        if self._state is TicketState.RESOLVED:
            return []
        if self._state is TicketState.UNASSIGNED:
            raise TicketIsNotAssigned(self.ticket_id, ticket.number)
        return [
            TicketWasResolved(
                ticket_id=self.ticket_id,
                version=self._version + 1,
                reference=ticket.reference,
                resolved_at=now,
            )
        ]

    @command_handler(REOPEN_TICKET)
    def reopen(
        self, command: ReopenTicket, employees: EmployeeDirectory, now: Now
    ) -> list[TicketEvent]:
        ticket = self._not_cancelled()
        if self._state is not TicketState.RESOLVED:
            return []
        employee = employees.find(self._assignee.employee_id) if self._assignee else None
        stays = employee if employee is not None and employee.active else None
        return [
            TicketWasReopened(
                ticket_id=self.ticket_id,
                version=self._version + 1,
                reference=ticket.reference,
                assignee_id=stays.employee_id if stays else "",
                assignee_name=stays.name if stays else "",
                reopened_at=now,
            )
        ]

    @command_handler(CANCEL_TICKET)
    def cancel(self, command: CancelTicket, now: Now) -> list[TicketEvent]:
        ticket = self._found()
        if self._state is TicketState.CANCELLED:
            return []
        if self._state is TicketState.RESOLVED:
            raise TicketIsResolved(self.ticket_id, ticket.number)
        reason = _text("reason", many_lines(command.reason).strip(), LONGEST_REASON)
        return [self._was_cancelled(ticket, reason, now, by_customer=False)]

    @classmethod
    @distributed
    @command_handler(contract.CANCEL_TICKET)
    def withdraw(cls, command: contract.CancelTicket, now: Now) -> list[TicketEvent]:
        """The customer's message was faster than the one that prepares the ticket."""
        return [
            TicketWasWithdrawn(
                ticket_id=_identifier(command.ticket_id), version=1, withdrawn_at=now
            )
        ]

    @distributed
    @command_handler(contract.CANCEL_TICKET)
    def cancel_for_customer(self, command: contract.CancelTicket, now: Now) -> list[TicketEvent]:
        if self._prepared is None or self._state in (TicketState.CANCELLED, TicketState.RESOLVED):
            return []
        return [self._was_cancelled(self._prepared, CLOSED_BY_CUSTOMER, now, by_customer=True)]

    @query_handler()
    def details(self, query: TicketDetails) -> TicketFacts:
        ticket, assignee, cancelled = self._found(), self._assignee, self._cancelled
        return TicketFacts(
            ticket_id=ticket.ticket_id,
            number=ticket.number,
            type=ticket.type,
            subject=ticket.subject,
            description=ticket.description,
            customer_email=ticket.customer_email,
            reference=ticket.reference,
            issue_number=ticket.issue_number,
            correlation_id=ticket.correlation_id,
            state=self._state,
            assignee_id=assignee.employee_id if assignee else "",
            assignee_name=assignee.name if assignee else "",
            cancellation_reason=cancelled.reason if cancelled else "",
            cancelled_by_customer=cancelled.by_customer if cancelled else False,
            prepared_at=ticket.prepared_at,
            changed_at=self._changed_at,
            version=self._version,
        )

    @applies
    def apply(self, event: TicketEvent) -> None:
        self.ticket_id = event.ticket_id
        self._version = event.version
        match event:
            case TicketWasWithdrawn():
                self._changed_at = event.withdrawn_at
            case TicketWasPrepared():
                self._prepared = event
                self._changed_at = event.prepared_at
            case TicketWasAssigned() | TicketWasReassigned():
                self._state = TicketState.ASSIGNED
                self._assignee = _Assignee(event.assignee_id, event.assignee_name)
                self._changed_at = event.assigned_at
            case TicketWasResolved():
                self._state = TicketState.RESOLVED
                self._changed_at = event.resolved_at
            case TicketWasReopened():
                self._changed_at = event.reopened_at
                self._assignee = None
                self._state = TicketState.UNASSIGNED
                if event.assignee_id:
                    self._assignee = _Assignee(event.assignee_id, event.assignee_name)
                    self._state = TicketState.ASSIGNED
            case TicketWasCancelled():
                self._state = TicketState.CANCELLED
                self._cancelled = event
                self._changed_at = event.cancelled_at

    def _found(self) -> TicketWasPrepared:
        if self._prepared is None:
            raise AggregateNotFound("ticket", self.ticket_id)
        return self._prepared

    def _not_cancelled(self) -> TicketWasPrepared:
        ticket = self._found()
        if self._state is TicketState.CANCELLED:
            raise TicketIsCancelled(self.ticket_id, ticket.number)
        return ticket

    def _workable(self) -> TicketWasPrepared:
        ticket = self._not_cancelled()
        if self._state is TicketState.RESOLVED:
            raise TicketIsResolved(self.ticket_id, ticket.number)
        return ticket

    def _was_assigned(
        self, employee: EmployeeEntry, ticket: TicketWasPrepared, now: datetime
    ) -> TicketWasAssigned:
        return TicketWasAssigned(
            ticket_id=self.ticket_id,
            version=self._version + 1,
            reference=ticket.reference,
            assignee_id=employee.employee_id,
            assignee_name=employee.name,
            assigned_at=now,
        )

    def _was_cancelled(
        self, ticket: TicketWasPrepared, reason: str, now: datetime, *, by_customer: bool
    ) -> TicketWasCancelled:
        return TicketWasCancelled(
            ticket_id=self.ticket_id,
            version=self._version + 1,
            reference=ticket.reference,
            reason=reason,
            by_customer=by_customer,
            cancelled_at=now,
        )


@dataclass(frozen=True, slots=True)
class _Assignee:
    employee_id: str
    name: str  # as of the assignment


def _prepared(
    command: contract.PrepareTicket,
    version: int,
    numbers: TicketNumbers,
    correlation_id: str,
    now: datetime,
) -> TicketWasPrepared:
    email = EmailAddress.parse(command.customer_email).text if command.customer_email else ""
    type_ = _text("type", command.type, LONGEST_TYPE)
    if not _SLUG.issuperset(type_):
        raise TicketFieldIsInvalid("type", "is not one word of small letters, digits and dashes")
    return TicketWasPrepared(
        ticket_id=_identifier(command.ticket_id),
        version=version,
        type=type_,
        subject=_text("subject", one_line(command.subject), LONGEST_SUBJECT),
        description=_text("description", many_lines(command.description), LONGEST_DESCRIPTION),
        customer_email=email,
        reference=command.reference,
        correlation_id=correlation_id,
        number=numbers.next(),
        issue_number=command.issue_number,
        prepared_at=now,
    )


def _active(employee_id: str, employees: EmployeeDirectory) -> EmployeeEntry:
    employee = employees.find(employee_id)
    if employee is None:
        raise NoSuchEmployee(employee_id)
    if not employee.active:
        raise EmployeeIsInactive(employee_id, employee.name)
    return employee


def _identifier(text: str) -> str:
    if not is_uuid_text(text):
        raise TicketFieldIsInvalid("ticket_id", "is not a UUID in its usual form")
    return text


def _text(field: str, text: str, longest: int) -> str:
    if not text.strip():
        raise TicketFieldIsInvalid(field, "is empty")
    if len(text) > longest:
        raise TicketFieldIsInvalid(field, f"has more than {longest:,} characters")
    return text
