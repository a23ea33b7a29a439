"""The adapters of the context on a real store, driven through the buses of a runtime."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.customer_service.issue_numbers import SqlIssueNumbers
from adapters.customer_service.issue_queries import IssueQueries
from adapters.customer_service.issue_records import ISSUE_RECORDS
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
from domain.customer_service.issue.errors import IssueFieldIsInvalid, IssueIsReportedAlready
from domain.customer_service.issue.issue import Issue
from domain.customer_service.issue.messages import (
    CloseIssue,
    FollowTicket,
    IssueConfirmationWasSent,
    ReportIssue,
    TicketProgress,
)
from ports.customer_service.numbers import IssueNumbers
from ports.customer_service.queries import Confirmation, IssueByIdentifier, IssueRow, IssueState
from tests.domain.minting import NOON, after, uuid_text

ISSUE = uuid_text(1)
REPORT = ReportIssue(
    issue_id=ISSUE, email="ann@example.com", subject="Printer on fire", content="It burns."
)


@pytest.fixture(params=["sqlite", "postgresql"])
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    migrate("runtime", url)
    migrate("customer_service", url)
    store = SqlStore(url, "customer_service", [ISSUE_RECORDS])
    elsewhere = MemoryDatabase()
    clock = VirtualClock(NOON)
    yield Runtime(
        "customer_service",
        Surroundings(
            store=store,
            waiting=MemoryWaitingDeliveries(MemoryStore("customer_service", clock)),
            wake_ups=MemoryWakeUps(elsewhere),
            serialization=MsgspecSerialization(),
            clock=clock,
            identifiers=UuidV7Identifiers(),
            tracer=NoTracer(),
            metrics=NoMetrics(),
        ),
        Declared(
            aggregates=[Issue],
            handlers=[IssueQueries(store.connections)],
            services={IssueNumbers: SqlIssueNumbers(store.connections)},
        ),
    )
    store.close()


def issue(runtime: Runtime) -> IssueRow | None:
    row: IssueRow | None = runtime.queries.ask(IssueByIdentifier(issue_id=ISSUE))
    return row


def test_an_issue_is_reported_followed_and_closed(runtime: Runtime) -> None:
    answer = runtime.commands.send(REPORT, correlation_id="conversation")
    runtime.events.publish(IssueConfirmationWasSent(issue_id=ISSUE))
    runtime.commands.send(
        FollowTicket(
            issue_id=ISSUE,
            ticket_version=2,
            progress=TicketProgress.TAKEN_INTO_WORK,
            occurred_at=after(2),
        )
    )
    in_work = issue(runtime)
    runtime.commands.send(CloseIssue(issue_id=ISSUE))
    closed = issue(runtime)

    assert answer == ISSUE
    assert in_work is not None
    assert closed is not None
    assert (in_work.number, in_work.state) == (1001, IssueState.IN_WORK)
    assert in_work.correlation_id == "conversation"
    assert closed.state is IssueState.CLOSED
    assert closed.confirmation is Confirmation.SENT


def test_reporting_twice_keeps_the_first(runtime: Runtime) -> None:
    runtime.commands.send(REPORT)
    first = issue(runtime)

    again = runtime.commands.send(REPORT)

    assert again == ISSUE
    assert issue(runtime) == first


def test_a_form_that_is_sent_many_times_at_once_leads_to_one_issue(runtime: Runtime) -> None:
    everybody_ready = threading.Barrier(4)

    def report() -> object:
        everybody_ready.wait(10)
        return runtime.commands.send(REPORT)

    with ThreadPoolExecutor(4) as pool:
        answers = [future.result(30) for future in [pool.submit(report) for _ in range(4)]]

    assert answers == [ISSUE] * 4
    assert issue(runtime) is not None


def test_what_is_refused_leaves_no_row(runtime: Runtime) -> None:
    with pytest.raises(IssueFieldIsInvalid):
        runtime.commands.send(
            ReportIssue(issue_id=ISSUE, email="ann@example.com", subject="", content="It burns.")
        )

    assert issue(runtime) is None


def test_other_content_under_the_same_id_is_refused_and_changes_nothing(runtime: Runtime) -> None:
    runtime.commands.send(REPORT)
    first = issue(runtime)

    with pytest.raises(IssueIsReportedAlready):
        runtime.commands.send(
            ReportIssue(issue_id=ISSUE, email="ann@example.com", subject="Other", content="Other")
        )

    assert issue(runtime) == first
