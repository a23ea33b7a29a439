"""Both contexts, talking over the distributed bus, in memory and on virtual time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from adapters.memory.channel import MemoryChannel
from adapters.memory.database import MemoryDatabase
from adapters.memory.time import VirtualClock
from app.messaging.distributing import ServiceMap, Subscription
from app.testing.flow import Flow
from domain.backoffice.ticket import policies as ticket_policies
from domain.backoffice.ticket.messages import (
    AssignTicket,
    CancelTicket,
    ReopenTicket,
    ResolveTicket,
    TicketWasCancelled,
    TicketWasPrepared,
    TicketWasWithdrawn,
)
from domain.backoffice.ticket.ticket import Ticket
from domain.customer_service.issue.issue import Issue
from domain.customer_service.issue.messages import (
    CloseIssue,
    IssueWasCancelledByDesk,
    IssueWasReopened,
    IssueWasResolved,
    IssueWasTakenIntoWork,
    ReportIssue,
    SendFollowLink,
)
from domain.customer_service.issue.policies import CustomerNotices, NewsFromDesk, RequestsToDesk
from ports.backoffice.employees import EmployeeDirectory, EmployeeEntry
from ports.backoffice.numbers import TicketNumbers
from ports.backoffice.queries import TicketDetails, TicketFacts, TicketState
from ports.customer_service.notifications import IssueNotice, IssueNotifier
from ports.customer_service.numbers import IssueNumbers
from ports.customer_service.queries import Confirmation, IssueOfAddress, IssuesOfAddress, IssueState
from ports.errors import MailRefused, MailUnavailable
from ports.headers import ACTOR, ACTOR_ID
from ports.inbound.handlers import query_handler
from ports.outbound.time import Identifiers
from tests.domain.minting import NOON, Ascending, KnownIdentifiers, uuid_text

ISSUE = uuid_text(1)
TICKET = uuid_text(900)
ADA = uuid_text(11)
REPORT = ReportIssue(
    issue_id=ISSUE, email="ann@example.com", subject="Printer on fire", content="It burns."
)
NOTICE = IssueNotice(
    issue_id=ISSUE, number=1001, subject="Printer on fire", email="ann@example.com"
)


@dataclass
class Notifier:
    sent: list[tuple[str, object]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    failing: Exception | None = None

    def confirm_report(self, notice: IssueNotice, *, message_id: str) -> None:
        self._send("reported", notice, message_id)

    def tell_closed(self, notice: IssueNotice, *, message_id: str) -> None:
        self._send("closed", notice, message_id)

    def tell_resolved(self, notice: IssueNotice, *, message_id: str) -> None:
        self._send("resolved", notice, message_id)

    def tell_cancelled(self, notice: IssueNotice, *, reason: str, message_id: str) -> None:
        self._send(f"cancelled: {reason}", notice, message_id)

    def send_follow_links(
        self, email: str, notices: Sequence[IssueNotice], *, message_id: str
    ) -> None:
        self._send(f"links to {email}", tuple(notices), message_id)

    def _send(self, what: str, about: object, message_id: str) -> None:
        self.ids.append(message_id)
        if self.failing is not None:
            raise self.failing
        self.sent.append((what, about))


class OpenIssues:
    """Stands in for the query over the table of issues."""

    def __init__(self) -> None:
        self.found: tuple[IssueOfAddress, ...] = ()
        self.asked: list[IssuesOfAddress] = []

    @query_handler()
    def of_address(self, query: IssuesOfAddress) -> tuple[IssueOfAddress, ...]:
        self.asked.append(query)
        return self.found


class Directory:
    active = True

    def find(self, employee_id: str) -> EmployeeEntry | None:
        return EmployeeEntry(employee_id=employee_id, name="Ada", active=self.active)


class Desk:
    """Both contexts with everything around them."""

    def __init__(self) -> None:
        self.notifier = Notifier()
        self.open_issues = OpenIssues()
        self.directory = Directory()
        clock, database = VirtualClock(NOON), MemoryDatabase()
        network: dict[str, MemoryChannel] = {}
        services = ServiceMap(
            channels={
                "customer_service": "customer_service.distribution",
                "backoffice": "backoffice.distribution",
            },
            subscriptions=(Subscription(service="customer_service", keys=("backoffice.*",)),),
        )
        self.customer_service = Flow(
            context="customer_service",
            aggregates=[Issue],
            handlers=[CustomerNotices(), RequestsToDesk(), NewsFromDesk(), self.open_issues],
            services={
                IssueNumbers: Ascending(),
                Identifiers: KnownIdentifiers(),
                IssueNotifier: self.notifier,
            },
            channels=["notifications", "distribution"],
            service_map=services,
            clock=clock,
            database=database,
            network=network,
        )
        self.backoffice = Flow(
            context="backoffice",
            aggregates=[Ticket],
            handlers=[ticket_policies.Announcements()],
            services={TicketNumbers: Ascending(), EmployeeDirectory: self.directory},
            channels=["distribution"],
            service_map=services,
            clock=clock,
            database=database,
            network=network,
        )
        self._contexts = (self.customer_service, self.backoffice)

    def settle(self) -> None:
        handled = 1
        while handled:
            for context in self._contexts:
                context.relay()
            handled = sum(context.run_all() for context in self._contexts)

    def issue(self) -> Issue:
        def load() -> Issue:
            unit = self.customer_service.store.begin()
            try:
                found = unit.aggregates("issue").find(ISSUE)
            finally:
                unit.rollback()
            assert found is not None
            assert isinstance(found.aggregate, Issue)
            return found.aggregate

        return load()

    def ticket(self) -> TicketFacts:
        facts = self.backoffice.ask(TicketDetails(ticket_id=TICKET))
        assert isinstance(facts, TicketFacts)
        return facts

    def work(self, *commands: object) -> None:
        for command in commands:
            self.backoffice.send(command, headers={ACTOR: "Ada", ACTOR_ID: ADA})
            self.settle()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def reported(desk: Desk) -> Desk:
    desk.customer_service.send(REPORT, correlation_id="conversation")
    desk.settle()
    return desk


ASSIGN = AssignTicket(ticket_id=TICKET, employee_id=ADA)
RESOLVE = ResolveTicket(ticket_id=TICKET)
REOPEN = ReopenTicket(ticket_id=TICKET)
CANCEL = CancelTicket(ticket_id=TICKET, reason="A duplicate.")
CLOSE = CloseIssue(issue_id=ISSUE)


def test_a_report_becomes_a_ticket_of_the_same_conversation(reported: Desk) -> None:
    ticket = reported.ticket()

    assert (ticket.state, ticket.reference) == (TicketState.UNASSIGNED, ISSUE)
    assert (ticket.subject, ticket.description) == ("Printer on fire", "It burns.")
    assert (ticket.type, ticket.customer_email) == ("customer-issue", "ann@example.com")
    assert ticket.issue_number == reported.issue().number
    assert ticket.correlation_id == reported.issue().correlation_id == "conversation"
    assert reported.issue().arrived_at is not None


def test_a_report_is_confirmed_by_one_mail(reported: Desk) -> None:
    assert reported.notifier.sent == [("reported", NOTICE)]
    assert reported.issue().confirmation is Confirmation.SENT


def test_a_form_that_is_sent_twice_leads_to_one_issue_and_one_ticket(reported: Desk) -> None:
    reported.customer_service.send(REPORT)
    reported.settle()

    assert reported.notifier.sent == [("reported", NOTICE)]
    assert len(reported.backoffice.published(TicketWasPrepared)) == 1


def test_a_confirmation_that_cannot_be_sent_holds_nothing_else_up(desk: Desk) -> None:
    desk.notifier.failing = MailRefused("no such address")

    desk.customer_service.send(REPORT)
    desk.settle()

    (failed,) = desk.customer_service.failed_messages()
    assert failed.endpoint == "issue.confirm_report"
    assert desk.issue().confirmation is Confirmation.PENDING
    assert desk.ticket().state is TicketState.UNASSIGNED


def test_a_mail_is_tried_again_under_the_same_id(desk: Desk) -> None:
    desk.notifier.failing = MailUnavailable("no answer")
    desk.customer_service.send(REPORT)
    desk.settle()
    tried = len(desk.notifier.ids)

    desk.notifier.failing = None
    desk.customer_service.advance(timedelta(minutes=5))
    desk.settle()

    assert tried > 0
    assert len(desk.notifier.ids) == tried + 1
    assert len(set(desk.notifier.ids)) == 1
    assert desk.notifier.sent == [("reported", NOTICE)]


def test_the_issue_follows_its_ticket_into_work_and_to_its_end(reported: Desk) -> None:
    reported.work(ASSIGN)
    assert reported.issue().state is IssueState.IN_WORK

    reported.work(RESOLVE)
    assert reported.issue().state is IssueState.RESOLVED
    assert reported.notifier.sent[1:] == [("resolved", NOTICE)]
    assert len(reported.customer_service.published(IssueWasTakenIntoWork)) == 1


def test_a_reopened_ticket_takes_the_issue_back_into_work(reported: Desk) -> None:
    reported.work(ASSIGN, RESOLVE, REOPEN)

    assert reported.issue().state is IssueState.IN_WORK
    assert len(reported.customer_service.published(IssueWasReopened)) == 1


def test_a_ticket_reopened_without_its_assignee_waits_again(reported: Desk) -> None:
    reported.work(ASSIGN, RESOLVE)
    reported.directory.active = False

    reported.work(REOPEN)

    assert reported.ticket().state is TicketState.UNASSIGNED
    assert reported.issue().state is IssueState.RECEIVED


def test_repeated_clicks_at_the_desk_change_nothing_for_the_customer(reported: Desk) -> None:
    reported.work(ASSIGN, ASSIGN, RESOLVE, RESOLVE)

    assert reported.notifier.sent[1:] == [("resolved", NOTICE)]
    assert reported.ticket().version == 3


def test_the_customer_is_told_why_the_desk_cancelled(reported: Desk) -> None:
    reported.work(CANCEL, CANCEL)

    assert reported.notifier.sent[1:] == [("cancelled: A duplicate.", NOTICE)]
    assert reported.issue().state is IssueState.CANCELLED
    assert len(reported.customer_service.published(IssueWasCancelledByDesk)) == 1


def test_closing_the_issue_cancels_the_ticket_and_one_mail_says_so(reported: Desk) -> None:
    reported.customer_service.send(CLOSE)
    reported.customer_service.send(CLOSE)
    reported.settle()

    assert reported.notifier.sent[1:] == [("closed", NOTICE)]
    assert reported.issue().state is IssueState.CLOSED
    assert reported.ticket().state is TicketState.CANCELLED
    assert reported.ticket().cancelled_by_customer


def test_closing_a_resolved_issue_leaves_the_ticket_resolved(reported: Desk) -> None:
    reported.work(ASSIGN, RESOLVE)

    reported.customer_service.send(CLOSE)
    reported.settle()

    assert reported.ticket().state is TicketState.RESOLVED
    assert reported.issue().state is IssueState.CLOSED
    assert reported.notifier.sent[1:] == [("resolved", NOTICE), ("closed", NOTICE)]


def test_what_the_customer_closed_first_is_not_reported_back_by_mail(reported: Desk) -> None:
    reported.work(ASSIGN)
    reported.customer_service.send(CLOSE)
    reported.backoffice.send(RESOLVE)
    reported.settle()

    assert reported.notifier.sent[1:] == [("closed", NOTICE)]
    assert reported.customer_service.published(IssueWasResolved) == []


def test_a_closing_that_overtakes_the_preparing_still_cancels_the_ticket(desk: Desk) -> None:
    desk.customer_service.send(REPORT)
    desk.customer_service.send(CLOSE)
    desk.customer_service.relay()  # hands the closing over; the preparing waits for its channel
    desk.backoffice.run_all()
    withdrawn = desk.backoffice.published(TicketWasWithdrawn)

    desk.settle()

    assert len(withdrawn) == 1
    assert desk.ticket().state is TicketState.CANCELLED
    assert [type(event) for event in desk.backoffice.published()] == [
        TicketWasWithdrawn,
        TicketWasPrepared,
        TicketWasCancelled,
    ]
    assert desk.issue().state is IssueState.CLOSED


def test_customer_service_does_not_learn_who_works_at_the_desk(reported: Desk) -> None:
    reported.work(ASSIGN, RESOLVE)

    heard = [
        message.metadata.headers.get(name)
        for message in reported.customer_service.recorder.messages
        for name in (ACTOR, ACTOR_ID)
    ]
    assert "Ada" not in heard
    assert ADA not in heard
    assert "the desk" in heard


def test_the_links_of_open_issues_are_mailed_to_their_address(desk: Desk) -> None:
    desk.open_issues.found = (
        IssueOfAddress(
            issue_id=ISSUE,
            number=1001,
            subject="Printer on fire",
            email="ann@example.com",
            reported_at=NOON,
        ),
    )

    desk.customer_service.send(SendFollowLink(email=" Ann@Example.com"))
    nothing_yet = list(desk.notifier.sent)
    desk.settle()

    assert nothing_yet == []
    assert desk.open_issues.asked == [IssuesOfAddress(email="ann@example.com", limit=20)]
    assert desk.notifier.sent == [("links to ann@example.com", (NOTICE,))]


@pytest.mark.parametrize("email", ["nobody@example.com", "no address at all"])
def test_a_stranger_who_asks_for_links_causes_no_mail_and_no_failure(
    desk: Desk, email: str
) -> None:
    desk.customer_service.send(SendFollowLink(email=email))
    desk.settle()

    assert desk.notifier.sent == []
    assert desk.customer_service.failed_messages() == []
