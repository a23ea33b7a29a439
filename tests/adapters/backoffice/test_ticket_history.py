from collections.abc import Mapping, Sequence

import pytest

from adapters.backoffice.ticket_history import TicketHistories
from adapters.memory.store import MemoryStore
from adapters.memory.time import VirtualClock
from adapters.serialization.msgspec_serialization import MsgspecSerialization
from app.testing.flow import Flow
from domain.backoffice.ticket.messages import (
    AssignTicket,
    CancelTicket,
    ReopenTicket,
    ResolveTicket,
)
from domain.backoffice.ticket.ticket import Ticket
from ports.backoffice.employees import EmployeeDirectory, EmployeeEntry
from ports.backoffice.numbers import TicketNumbers
from ports.backoffice.queries import (
    HISTORY_LIMIT,
    FieldChange,
    HistoryEntry,
    HistoryKind,
    TicketHistory,
)
from ports.contracts.backoffice import PrepareTicket
from ports.headers import ACTOR, ACTOR_ID
from ports.messages import HeaderValue
from tests.adapters.backoffice.tickets import ADA, BOB, NAMES
from tests.domain.minting import NOON, Ascending, uuid_text

T1 = uuid_text(1)
BY_ADA: Mapping[str, HeaderValue] = {ACTOR: "Ada", ACTOR_ID: ADA}


class Directory:
    def find(self, employee_id: str) -> EmployeeEntry | None:
        return EmployeeEntry(employee_id=employee_id, name=NAMES[employee_id], active=True)


@pytest.fixture
def flow() -> Flow:
    return Flow(
        context="backoffice",
        aggregates=[Ticket],
        services={TicketNumbers: Ascending(), EmployeeDirectory: Directory()},
        clock=VirtualClock(NOON),
    )


@pytest.fixture
def histories(flow: Flow) -> TicketHistories:
    return TicketHistories(flow.store, MsgspecSerialization())


def tell(histories: TicketHistories) -> Sequence[HistoryEntry]:
    return histories.history(TicketHistory(ticket_id=T1))


def prepare(flow: Flow) -> None:
    flow.send(
        PrepareTicket(ticket_id=T1, type="task", subject="Printer", description="It burns."),
        headers={ACTOR: "Olga", ACTOR_ID: "operator"},
        correlation_id="conversation",
    )


def test_an_entry_says_who_did_what_when(flow: Flow, histories: TicketHistories) -> None:
    prepare(flow)

    (entry,) = tell(histories)

    assert (entry.version, entry.kind, entry.at) == (1, HistoryKind.PREPARED, flow.clock.now())
    assert (entry.actor, entry.actor_id) == ("Olga", "operator")
    assert (entry.event_name, entry.correlation_id) == ("ticket.was_prepared", "conversation")
    assert entry.changes == (FieldChange(field="state", old="", new="unassigned"),)


def test_each_entry_says_what_changed_from_what_to_what(
    flow: Flow, histories: TicketHistories
) -> None:
    prepare(flow)
    for command in (
        AssignTicket(ticket_id=T1, employee_id=ADA),
        AssignTicket(ticket_id=T1, employee_id=ADA),
        AssignTicket(ticket_id=T1, employee_id=BOB),
        ResolveTicket(ticket_id=T1),
        ReopenTicket(ticket_id=T1),
        CancelTicket(ticket_id=T1, reason="A duplicate."),
    ):
        flow.send(command, headers=BY_ADA)

    told = [
        (entry.kind.value, [(change.field, change.old, change.new) for change in entry.changes])
        for entry in tell(histories)[1:]
    ]

    assert told == [
        ("assigned", [("state", "unassigned", "assigned"), ("assignee", "", "Ada")]),
        ("reassigned", [("assignee", "Ada", "Bob")]),
        ("resolved", [("state", "assigned", "resolved")]),
        ("reopened", [("state", "resolved", "assigned")]),
        ("cancelled", [("state", "assigned", "cancelled")]),
    ]
    last = tell(histories)[-1]
    assert (last.reason, last.by_customer, last.actor) == ("A duplicate.", False, "Ada")


def test_a_ticket_that_is_not_there_has_no_history(histories: TicketHistories) -> None:
    assert tell(histories) == ()


def test_only_the_latest_entries_of_a_very_long_history_are_told(
    flow: Flow, histories: TicketHistories
) -> None:
    prepare(flow)
    for turn in range(HISTORY_LIMIT + 10):
        flow.send(AssignTicket(ticket_id=T1, employee_id=(ADA, BOB)[turn % 2]))

    entries = tell(histories)

    assert len(entries) == HISTORY_LIMIT
    assert entries[-1].version == HISTORY_LIMIT + 11
    assert entries[0].changes == (FieldChange(field="assignee", old="Bob", new="Ada"),)


def test_the_history_can_be_asked_for_within_a_transaction(
    flow: Flow, histories: TicketHistories
) -> None:
    prepare(flow)
    store: MemoryStore = flow.store

    unit = store.begin()
    try:
        entries = tell(histories)
        still_current = store.current() is unit
    finally:
        unit.rollback()

    assert len(entries) == 1
    assert still_current
