"""The adapters of the context on a real store, driven through the buses of a runtime."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
import sqlalchemy as sa

from adapters.backoffice.employee_directory import SqlEmployeeDirectory, SqlEmployeeEmails
from adapters.backoffice.employee_queries import EmployeeQueries
from adapters.backoffice.employee_records import EMPLOYEE_RECORDS
from adapters.backoffice.ticket_history import TicketHistories
from adapters.backoffice.ticket_list import CHANNEL, TicketList
from adapters.backoffice.ticket_numbers import SqlTicketNumbers
from adapters.backoffice.unassigned_tickets import UnassignedTickets
from adapters.memory.channel import MemoryChannel
from adapters.memory.database import MemoryDatabase
from adapters.memory.message_table import MemoryWaitingDeliveries
from adapters.memory.store import MemoryStore
from adapters.memory.telemetry import NoMetrics, NoTracer
from adapters.memory.time import VirtualClock
from adapters.memory.wakeups import MemoryWakeUps
from adapters.serialization.msgspec_serialization import MsgspecSerialization
from adapters.sql.migrating import migrate
from adapters.sql.store import SqlStore
from adapters.system.time import UuidV7Identifiers
from app.messaging.runtime import Declared, Runtime, Surroundings
from domain.backoffice.employee.employee import Employee
from domain.backoffice.employee.errors import EmailIsTaken
from domain.backoffice.employee.messages import (
    ActivateEmployee,
    DeactivateEmployee,
    RegisterEmployee,
)
from domain.backoffice.errors import EmployeeIsInactive
from domain.backoffice.ticket.messages import (
    AssignTicket,
    ReopenTicket,
    ResolveTicket,
    TakeTicket,
)
from domain.backoffice.ticket.ticket import Ticket
from ports.backoffice.employee_emails import EmployeeEmails
from ports.backoffice.employees import EmployeeDirectory
from ports.backoffice.numbers import TicketNumbers
from ports.backoffice.queries import (
    ActiveEmployees,
    EmployeeDetails,
    ListTickets,
    NextUnassignedTickets,
    TicketDetails,
    TicketHistory,
    TicketRow,
    TicketState,
)
from ports.contracts.backoffice import CancelTicket, PrepareTicket
from ports.errors import AggregateNotFound, ConversionFailed
from ports.headers import ACTOR
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from tests.domain.minting import NOON, uuid_text

ADA, BOB = uuid_text(11), uuid_text(12)


def prepare(number: int) -> PrepareTicket:
    return PrepareTicket(
        ticket_id=uuid_text(number), type="task", subject=f"Subject {number}", description="Burns."
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[SqlStore]:
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    migrate("runtime", url)
    migrate("backoffice", url)
    store = SqlStore(url, "backoffice", [EMPLOYEE_RECORDS])
    yield store
    store.close()


@pytest.fixture
def runtime(store: SqlStore) -> Runtime:
    clock, serialization = VirtualClock(NOON), MsgspecSerialization()
    projections = f"backoffice.{CHANNEL}"
    return Runtime(
        "backoffice",
        Surroundings(
            store=store,
            waiting=MemoryWaitingDeliveries(MemoryStore("backoffice", clock)),
            wake_ups=MemoryWakeUps(MemoryDatabase()),
            serialization=serialization,
            clock=clock,
            identifiers=UuidV7Identifiers(),
            tracer=NoTracer(),
            metrics=NoMetrics(),
        ),
        Declared(
            aggregates=[Ticket, Employee],
            handlers=[
                TicketList(store.connections),
                UnassignedTickets(store.connections),
                TicketHistories(store, serialization),
                EmployeeQueries(store.connections),
            ],
            services={
                TicketNumbers: SqlTicketNumbers(store.connections),
                EmployeeDirectory: SqlEmployeeDirectory(store.connections),
                EmployeeEmails: SqlEmployeeEmails(store.connections),
            },
            channels=[ChannelDeclaration(name=CHANNEL, kind=ChannelKind.IN_MEMORY)],
            senders={projections: MemoryChannel(projections)},
        ),
    )


@pytest.fixture
def staffed(runtime: Runtime) -> Runtime:
    """Ada is active, Bob is not."""
    for employee_id, name in ((ADA, "Ada"), (BOB, "Bob")):
        runtime.commands.send(
            RegisterEmployee(employee_id=employee_id, name=name, email=f"{name}@example.com")
        )
    runtime.commands.send(ActivateEmployee(employee_id=ADA))
    return runtime


def project(runtime: Runtime) -> None:
    for projection in ("ticket_list", "unassigned_tickets"):
        runtime.projections.run(projection)


def listed(runtime: Runtime) -> tuple[TicketRow, ...]:
    rows: tuple[TicketRow, ...] = runtime.queries.ask(ListTickets()).rows
    return rows


def test_a_message_of_an_earlier_release_makes_a_ticket_without_the_number_of_an_issue(
    runtime: Runtime,
) -> None:
    codec = MsgspecSerialization().codec(PrepareTicket, contract=True)
    sent = msgspec.json.decode(codec.encode(replace(prepare(1), issue_number=1007)))
    assert sent.pop("issue_number") == 1007

    runtime.commands.send(codec.decode(msgspec.json.encode(sent)))

    assert runtime.queries.ask(TicketDetails(ticket_id=uuid_text(1))).issue_number is None


@pytest.mark.parametrize("number", [0, -1, 10**9, "1007", True])
def test_a_message_with_a_number_that_no_issue_has_is_refused(number: object) -> None:
    codec = MsgspecSerialization().codec(PrepareTicket, contract=True)
    sent = msgspec.json.decode(codec.encode(prepare(1))) | {"issue_number": number}

    with pytest.raises(ConversionFailed, match="issue_number"):
        codec.decode(msgspec.json.encode(sent))


def test_an_event_stored_by_an_earlier_release_is_loaded_and_listed(
    staffed: Runtime, store: SqlStore
) -> None:
    staffed.commands.send(replace(prepare(1), issue_number=1007))
    _forget_issue_numbers(store)

    staffed.commands.send(TakeTicket(ticket_id=uuid_text(1), employee_id=ADA))
    project(staffed)

    assert staffed.queries.ask(TicketDetails(ticket_id=uuid_text(1))).issue_number is None
    assert [(row.issue_number, row.assignee_name) for row in listed(staffed)] == [(None, "Ada")]


def test_a_rebuild_fills_in_the_numbers_of_issues(staffed: Runtime, store: SqlStore) -> None:
    staffed.commands.send(replace(prepare(1), issue_number=1007))
    project(staffed)
    _as_after_the_migration(store)
    before = [row.issue_number for row in listed(staffed)]

    for projection in ("ticket_list", "unassigned_tickets"):
        staffed.projections.rebuild(projection)
    project(staffed)

    assert before == [None]
    assert [row.issue_number for row in listed(staffed)] == [1007]
    waiting = staffed.queries.ask(NextUnassignedTickets())
    assert [row.issue_number for row in waiting] == [1007]


def _forget_issue_numbers(store: SqlStore) -> None:
    """Events as they were written before they had the field."""
    unit = store.begin()
    connection = store.connections.current()
    for event_id, payload in connection.exec_driver_sql(
        "SELECT event_id, payload FROM runtime_event WHERE name = 'ticket.was_prepared'"
    ).all():
        fields = msgspec.json.decode(payload)
        assert fields.pop("issue_number") is not None
        connection.execute(
            sa.text("UPDATE runtime_event SET payload = :payload WHERE event_id = :event_id"),
            {"payload": msgspec.json.encode(fields), "event_id": event_id},
        )
    unit.commit()


def _as_after_the_migration(store: SqlStore) -> None:
    unit = store.begin()
    for table in ("backoffice_ticket_list", "backoffice_unassigned_ticket"):
        store.connections.current().execute(sa.text(f"UPDATE {table} SET issue_number = NULL"))
    unit.commit()


def test_tickets_are_prepared_worked_on_and_listed(staffed: Runtime) -> None:
    for number in (1, 2):
        staffed.commands.send(prepare(number), headers={ACTOR: "Olga"})
    staffed.commands.send(TakeTicket(ticket_id=uuid_text(1), employee_id=ADA))
    before = listed(staffed)
    project(staffed)

    facts = staffed.queries.ask(TicketDetails(ticket_id=uuid_text(1)))
    history = staffed.queries.ask(TicketHistory(ticket_id=uuid_text(1)))
    waiting = staffed.queries.ask(NextUnassignedTickets())

    assert before == ()
    assert [(row.number, row.state, row.assignee_name) for row in listed(staffed)] == [
        (1002, TicketState.UNASSIGNED, ""),
        (1001, TicketState.ASSIGNED, "Ada"),
    ]
    assert (facts.number, facts.state, facts.assignee_id) == (1001, TicketState.ASSIGNED, ADA)
    assert [(entry.version, entry.kind.value) for entry in history] == [
        (1, "prepared"),
        (2, "assigned"),
    ]
    assert history[0].actor == "Olga"
    assert [row.number for row in waiting] == [1002]
    assert staffed.queries.ask(EmployeeDetails(employee_id=ADA)).open_tickets == 1


def test_a_rebuilt_list_shows_the_same_rows(staffed: Runtime) -> None:
    for number in (1, 2, 3):
        staffed.commands.send(prepare(number))
    staffed.commands.send(AssignTicket(ticket_id=uuid_text(1), employee_id=ADA))
    staffed.commands.send(ResolveTicket(ticket_id=uuid_text(1)))
    staffed.commands.send(CancelTicket(ticket_id=uuid_text(2)))
    project(staffed)
    rows = listed(staffed)
    waiting = staffed.queries.ask(NextUnassignedTickets())

    for projection in ("ticket_list", "unassigned_tickets"):
        staffed.projections.rebuild(projection)
    emptied = listed(staffed)
    project(staffed)

    assert len(rows) == 3
    assert emptied == ()
    assert listed(staffed) == rows
    assert staffed.queries.ask(NextUnassignedTickets()) == waiting


def test_a_withdrawal_alone_is_no_ticket_and_no_row(runtime: Runtime) -> None:
    runtime.commands.send(CancelTicket(ticket_id=uuid_text(1)))
    project(runtime)
    without = listed(runtime)
    with pytest.raises(AggregateNotFound):
        runtime.queries.ask(TicketDetails(ticket_id=uuid_text(1)))

    runtime.commands.send(prepare(1))
    project(runtime)

    assert without == ()
    assert [row.state for row in listed(runtime)] == [TicketState.CANCELLED]


def test_tickets_go_to_active_employees_only(staffed: Runtime) -> None:
    staffed.commands.send(prepare(1))

    with pytest.raises(EmployeeIsInactive):
        staffed.commands.send(AssignTicket(ticket_id=uuid_text(1), employee_id=BOB))

    found = staffed.queries.ask(ActiveEmployees())
    assert [employee.name for employee in found] == ["Ada"]


def test_a_ticket_of_somebody_who_left_stays_assigned_until_it_is_reopened(
    staffed: Runtime,
) -> None:
    staffed.commands.send(prepare(1))
    staffed.commands.send(TakeTicket(ticket_id=uuid_text(1), employee_id=ADA))
    staffed.commands.send(DeactivateEmployee(employee_id=ADA))
    kept = staffed.queries.ask(TicketDetails(ticket_id=uuid_text(1)))
    staffed.commands.send(ResolveTicket(ticket_id=uuid_text(1)))

    staffed.commands.send(ReopenTicket(ticket_id=uuid_text(1)))

    assert (kept.state, kept.assignee_name) == (TicketState.ASSIGNED, "Ada")
    facts = staffed.queries.ask(TicketDetails(ticket_id=uuid_text(1)))
    assert (facts.state, facts.assignee_name) == (TicketState.UNASSIGNED, "")


def test_an_address_that_is_taken_is_refused_and_nobody_is_registered(staffed: Runtime) -> None:
    with pytest.raises(EmailIsTaken):
        staffed.commands.send(
            RegisterEmployee(employee_id=uuid_text(13), name="Eve", email="ADA@example.com")
        )

    assert staffed.queries.ask(EmployeeDetails(employee_id=uuid_text(13))) is None
