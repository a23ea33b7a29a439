from dataclasses import replace
from datetime import datetime

import pytest

from domain.backoffice.errors import EmployeeIsInactive, NoSuchEmployee
from domain.backoffice.ticket.errors import (
    TicketFieldIsInvalid,
    TicketIsCancelled,
    TicketIsNotAssigned,
    TicketIsResolved,
    TicketIsTaken,
)
from domain.backoffice.ticket.messages import (
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
from domain.backoffice.ticket.ticket import CLOSED_BY_CUSTOMER, Ticket
from domain.email_address import InvalidEmailAddress
from ports.backoffice.employees import EmployeeEntry
from ports.backoffice.queries import TicketDetails, TicketFacts, TicketState
from ports.contracts import backoffice as contract
from ports.errors import AggregateNotFound
from tests.domain.minting import NOON, Ascending, after, uuid_text

T1 = uuid_text(1)
ISSUE = uuid_text(2)
LATER = after(9)
ADA, BOB, EVE = uuid_text(11), uuid_text(12), uuid_text(13)

PREPARE = contract.PrepareTicket(
    ticket_id=T1,
    type="customer-issue",
    subject="Printer on fire",
    description="It burns.\nPlease help.",
    customer_email="Ann@Example.com",
    reference=ISSUE,
    issue_number=1007,
)
WITHDRAWN = TicketWasWithdrawn(ticket_id=T1, version=1, withdrawn_at=NOON)
PREPARED = TicketWasPrepared(
    ticket_id=T1,
    version=1,
    number=1001,
    type="customer-issue",
    subject="Printer on fire",
    description="It burns.\nPlease help.",
    customer_email="ann@example.com",
    reference=ISSUE,
    issue_number=1007,
    correlation_id="conversation",
    prepared_at=NOON,
)
TO_ADA = TicketWasAssigned(
    ticket_id=T1,
    version=2,
    reference=ISSUE,
    assignee_id=ADA,
    assignee_name="Ada",
    assigned_at=after(2),
)
FROM_ADA_TO_BOB = TicketWasReassigned(
    ticket_id=T1,
    version=3,
    assignee_id=BOB,
    assignee_name="Bob",
    previous_assignee_id=ADA,
    previous_assignee_name="Ada",
    assigned_at=after(3),
)
RESOLVED = TicketWasResolved(ticket_id=T1, version=3, reference=ISSUE, resolved_at=after(3))
CANCELLED = TicketWasCancelled(
    ticket_id=T1,
    version=2,
    reference=ISSUE,
    reason="A duplicate.",
    by_customer=False,
    cancelled_at=after(2),
)


class Directory:
    """Ada and Bob are active, Eve is not; ``gone`` have been deactivated since."""

    def __init__(self, *gone: str) -> None:
        self._entries = {
            employee_id: EmployeeEntry(
                employee_id=employee_id, name=name, active=active and employee_id not in gone
            )
            for employee_id, name, active in (
                (ADA, "Ada", True),
                (BOB, "Bob", True),
                (EVE, "Eve", False),
            )
        }

    def find(self, employee_id: str) -> EmployeeEntry | None:
        return self._entries.get(employee_id)


def a_ticket_after(*facts: TicketEvent) -> Ticket:
    ticket = Ticket()
    for fact in facts:
        ticket.apply(fact)
    return ticket


def prepare(command: contract.PrepareTicket = PREPARE) -> list[TicketEvent]:
    return Ticket.prepare(command, numbers=Ascending(), correlation_id="conversation", now=NOON)


def assign(ticket: Ticket, to: str, now: datetime = LATER) -> list[TicketEvent]:
    return ticket.assign(AssignTicket(ticket_id=T1, employee_id=to), Directory(), now)


def take(ticket: Ticket, by: str, now: datetime = LATER) -> list[TicketEvent]:
    return ticket.take(TakeTicket(ticket_id=T1, employee_id=by), Directory(), now)


def resolve(ticket: Ticket) -> list[TicketEvent]:
    return ticket.resolve(ResolveTicket(ticket_id=T1), LATER)


def reopen(ticket: Ticket, *gone: str) -> list[TicketEvent]:
    return ticket.reopen(ReopenTicket(ticket_id=T1), Directory(*gone), LATER)


def cancel(ticket: Ticket, reason: str = "A duplicate.") -> list[TicketEvent]:
    return ticket.cancel(CancelTicket(ticket_id=T1, reason=reason), LATER)


def cancel_for_customer(ticket: Ticket) -> list[TicketEvent]:
    return ticket.cancel_for_customer(contract.CancelTicket(ticket_id=T1), LATER)


def test_preparing_keeps_what_was_asked_and_the_conversation() -> None:
    assert prepare() == [PREPARED]


def test_preparing_the_same_id_again_changes_nothing() -> None:
    ticket = a_ticket_after(PREPARED)

    again = replace(PREPARE, subject="Something else")

    assert ticket.prepare_again(again, Ascending(), "other", after(1)) == []


def test_a_ticket_of_the_desks_own_form_needs_no_customer() -> None:
    events = prepare(replace(PREPARE, type="task", customer_email="", reference=""))

    assert events == [replace(PREPARED, type="task", customer_email="", reference="")]


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (replace(PREPARE, subject=" "), "subject"),
        (replace(PREPARE, subject="x" * 201), "subject"),
        (replace(PREPARE, description="\n"), "description"),
        (replace(PREPARE, description="x" * 20_001), "description"),
        (replace(PREPARE, type=""), "type"),
        (replace(PREPARE, type="Not A Slug"), "type"),
        (replace(PREPARE, type="x" * 41), "type"),
        (replace(PREPARE, ticket_id="42"), "ticket_id"),
    ],
)
def test_a_ticket_that_is_not_described_properly_is_refused(
    command: contract.PrepareTicket, field: str
) -> None:
    with pytest.raises(TicketFieldIsInvalid) as refusal:
        prepare(command)

    assert refusal.value.field == field


def test_a_customers_address_must_be_one_that_can_be_written_to() -> None:
    with pytest.raises(InvalidEmailAddress):
        prepare(replace(PREPARE, customer_email="ann@"))


def test_assigning_gives_the_ticket_to_an_employee_by_id_and_name() -> None:
    ticket = a_ticket_after(PREPARED)

    assert assign(ticket, ADA, after(2)) == [TO_ADA]


def test_assigning_to_the_same_employee_again_changes_nothing() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA)

    assert assign(ticket, ADA) == []


def test_assigning_to_another_employee_reassigns() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA)

    assert assign(ticket, BOB, after(3)) == [FROM_ADA_TO_BOB]


def test_after_a_reassignment_the_new_assignee_counts() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA, FROM_ADA_TO_BOB)

    assert assign(ticket, BOB) == []


def test_a_cancelled_ticket_cannot_be_assigned() -> None:
    ticket = a_ticket_after(PREPARED, CANCELLED)

    with pytest.raises(TicketIsCancelled, match="ticket T-1001 was cancelled"):
        assign(ticket, ADA)


def test_a_ticket_that_was_assigned_and_then_cancelled_refuses_the_same_assignee_too() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA, replace(CANCELLED, version=3))

    with pytest.raises(TicketIsCancelled):
        assign(ticket, ADA)


def test_a_resolved_ticket_must_be_reopened_before_it_is_assigned() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA, RESOLVED)

    with pytest.raises(TicketIsResolved):
        assign(ticket, BOB)


def test_only_active_employees_are_given_tickets() -> None:
    ticket = a_ticket_after(PREPARED)

    with pytest.raises(EmployeeIsInactive):
        assign(ticket, EVE)
    with pytest.raises(NoSuchEmployee):
        assign(ticket, uuid_text(99))


def test_taking_assigns_the_ticket_to_whoever_takes_it() -> None:
    ticket = a_ticket_after(PREPARED)

    assert take(ticket, ADA, after(2)) == [TO_ADA]


def test_taking_ones_own_ticket_again_changes_nothing() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA)

    assert take(ticket, ADA) == []


def test_taking_never_takes_away_from_somebody_else() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA)

    with pytest.raises(TicketIsTaken) as refusal:
        take(ticket, BOB)

    assert refusal.value.assignee_name == "Ada"


def test_an_inactive_employee_cannot_take_a_ticket() -> None:
    ticket = a_ticket_after(PREPARED)

    with pytest.raises(EmployeeIsInactive):
        take(ticket, EVE)


def test_a_cancelled_or_resolved_ticket_cannot_be_taken() -> None:
    with pytest.raises(TicketIsCancelled):
        take(a_ticket_after(PREPARED, CANCELLED), ADA)
    with pytest.raises(TicketIsResolved):
        take(a_ticket_after(PREPARED, TO_ADA, RESOLVED), ADA)


def test_an_assigned_ticket_can_be_resolved() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA)

    assert ticket.resolve(ResolveTicket(ticket_id=T1), after(3)) == [RESOLVED]


def test_an_unassigned_ticket_cannot_be_resolved() -> None:
    with pytest.raises(TicketIsNotAssigned):
        resolve(a_ticket_after(PREPARED))


def test_resolving_again_changes_nothing() -> None:
    assert resolve(a_ticket_after(PREPARED, TO_ADA, RESOLVED)) == []


def test_a_cancelled_ticket_cannot_be_resolved() -> None:
    with pytest.raises(TicketIsCancelled):
        resolve(a_ticket_after(PREPARED, CANCELLED))


def test_reopening_gives_the_ticket_back_to_its_assignee() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA, RESOLVED)

    assert reopen(ticket) == [
        TicketWasReopened(
            ticket_id=T1,
            version=4,
            reference=ISSUE,
            assignee_id=ADA,
            assignee_name="Ada",
            reopened_at=LATER,
        )
    ]


def test_reopening_leaves_the_ticket_unassigned_when_its_assignee_is_inactive() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA, RESOLVED)

    events = reopen(ticket, ADA)

    assert events == [
        TicketWasReopened(
            ticket_id=T1,
            version=4,
            reference=ISSUE,
            assignee_id="",
            assignee_name="",
            reopened_at=LATER,
        )
    ]
    ticket.apply(events[0])
    with pytest.raises(TicketIsNotAssigned):
        resolve(ticket)


def test_reopening_what_is_open_changes_nothing() -> None:
    assert reopen(a_ticket_after(PREPARED)) == []
    assert reopen(a_ticket_after(PREPARED, TO_ADA)) == []


def test_cancelling_is_final() -> None:
    with pytest.raises(TicketIsCancelled):
        reopen(a_ticket_after(PREPARED, CANCELLED))


def test_a_ticket_is_cancelled_with_a_reason() -> None:
    ticket = a_ticket_after(PREPARED)

    events = ticket.cancel(CancelTicket(ticket_id=T1, reason=" A duplicate. \r\n"), after(2))

    assert events == [CANCELLED]


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 1_001])
def test_a_ticket_is_not_cancelled_without_a_proper_reason(reason: str) -> None:
    with pytest.raises(TicketFieldIsInvalid) as refusal:
        cancel(a_ticket_after(PREPARED, TO_ADA), reason)

    assert refusal.value.field == "reason"


def test_cancelling_again_changes_nothing_whatever_the_reason() -> None:
    assert cancel(a_ticket_after(PREPARED, CANCELLED), "Another.") == []
    assert cancel(a_ticket_after(PREPARED, CANCELLED), "") == []


def test_a_resolved_ticket_must_be_reopened_before_the_desk_cancels_it() -> None:
    with pytest.raises(TicketIsResolved):
        cancel(a_ticket_after(PREPARED, TO_ADA, RESOLVED))


def test_a_ticket_whose_issue_the_customer_closed_is_cancelled() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA)

    assert cancel_for_customer(ticket) == [
        TicketWasCancelled(
            ticket_id=T1,
            version=3,
            reference=ISSUE,
            reason=CLOSED_BY_CUSTOMER,
            by_customer=True,
            cancelled_at=LATER,
        )
    ]


def test_a_resolved_ticket_stays_resolved_when_the_customer_closes_the_issue() -> None:
    assert cancel_for_customer(a_ticket_after(PREPARED, TO_ADA, RESOLVED)) == []


def test_a_cancelled_ticket_stays_as_it_is_when_the_customer_closes_the_issue() -> None:
    assert cancel_for_customer(a_ticket_after(PREPARED, CANCELLED)) == []


def test_a_closing_that_arrives_before_the_ticket_is_remembered() -> None:
    events = Ticket.withdraw(contract.CancelTicket(ticket_id=T1), NOON)

    assert events == [WITHDRAWN]


def test_a_ticket_that_was_withdrawn_before_is_cancelled_as_soon_as_it_is_prepared() -> None:
    ticket = a_ticket_after(WITHDRAWN)

    events = ticket.prepare_again(PREPARE, Ascending(), "conversation", NOON)

    assert events == [
        replace(PREPARED, version=2),
        TicketWasCancelled(
            ticket_id=T1,
            version=3,
            reference=ISSUE,
            reason=CLOSED_BY_CUSTOMER,
            by_customer=True,
            cancelled_at=NOON,
        ),
    ]


def test_a_withdrawn_ticket_that_was_never_prepared_is_nobodys_to_work_on() -> None:
    ticket = a_ticket_after(WITHDRAWN)

    assert cancel_for_customer(ticket) == []
    with pytest.raises(AggregateNotFound):
        assign(ticket, ADA)
    with pytest.raises(AggregateNotFound):
        ticket.details(TicketDetails(ticket_id=T1))


def test_the_details_show_the_ticket_as_it_stands() -> None:
    ticket = a_ticket_after(PREPARED, TO_ADA, FROM_ADA_TO_BOB)

    assert ticket.details(TicketDetails(ticket_id=T1)) == TicketFacts(
        ticket_id=T1,
        number=1001,
        type="customer-issue",
        subject="Printer on fire",
        description="It burns.\nPlease help.",
        customer_email="ann@example.com",
        reference=ISSUE,
        issue_number=1007,
        correlation_id="conversation",
        state=TicketState.ASSIGNED,
        assignee_id=BOB,
        assignee_name="Bob",
        cancellation_reason="",
        cancelled_by_customer=False,
        prepared_at=NOON,
        changed_at=after(3),
        version=3,
    )


def test_the_details_of_a_cancelled_ticket_tell_why() -> None:
    facts = a_ticket_after(PREPARED, CANCELLED).details(TicketDetails(ticket_id=T1))

    assert (facts.state, facts.cancellation_reason) == (TicketState.CANCELLED, "A duplicate.")
    assert not facts.cancelled_by_customer
