"""The whole product with something behind every address: issues, tickets, employees, failed
messages, jobs, mails, traces.

What people and machines outside could have written bears ``text``, so that a test can look for it
wherever it is shown.
"""

from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from app.composition.settings import Settings
from domain.backoffice.employee.messages import DeactivateEmployee, RegisterEmployee
from domain.backoffice.ticket.messages import AssignTicket, ResolveTicket
from ports.backoffice.queries import EmployeeDetails, EmployeeFacts
from ports.outbound.accounts import TokenPurpose
from ports.outbound.audit import Actor
from ports.outbound.caught_mails import CaughtMail
from ports.outbound.operations import FailedMessageSearch, Heartbeat, Job
from ports.outbound.telemetry import SpanKind
from ports.outbound.traces import SpanRecord
from tests.app.customer_service.reporting import reported
from tests.app.deployment_site import DeploymentSite, Visitor, form_token

STRANGER, CUSTOMER, EMPLOYEE = "stranger", "customer", "employee"
INACTIVE, OPERATOR = "inactive employee", "operator"
ROLES = (STRANGER, CUSTOMER, EMPLOYEE, INACTIVE, OPERATOR)

PLAIN = "Printer burns"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


class FurnishedSite(DeploymentSite):
    def __init__(self, data: Path, settings: Settings | None = None, *, text: str = PLAIN) -> None:
        super().__init__(data, settings)
        self.issue_id = reported(self, subject=text, content=text)
        self.other_issue_id = reported(self, email="ben@example.com")
        self.work_off()
        self.ticket_id = self.ticket(text, description=text)
        self.ada = self.employee("Ada")
        self.bob = self.employee("Bob")
        self.named = self.employee_named(text)
        self.taken_id, self.resolved_id = self.ticket(text), self.ticket(text)
        for ticket_id in (self.taken_id, self.resolved_id):
            self.desk.commands.send(
                AssignTicket(ticket_id=ticket_id, employee_id=self.ada.employee_id)
            )
        self.desk.commands.send(ResolveTicket(ticket_id=self.resolved_id))
        self._park_failures(text)
        self._look_like_running(text)
        self.catch_up()
        self.tokens = {
            (role, purpose): self.deployment.accounts.create_token(
                employee.account_id, purpose, valid_for=timedelta(hours=1)
            )
            for role, employee in ((EMPLOYEE, self.ada), (INACTIVE, self.bob))
            for purpose in TokenPurpose
        }
        self._sessions = {
            EMPLOYEE: self._session_of(self.signed_in(self.ada)),
            INACTIVE: self._session_of(self.signed_in(self.bob)),
            OPERATOR: self._session_of(self.operator()),
        }
        self.desk.commands.send(DeactivateEmployee(employee_id=self.bob.employee_id))
        self.deployment.telemetry.flush()

    def visitor_as(self, role: str) -> Visitor:
        """A browser of its own, whose session began before the employee became inactive. A
        customer is a stranger who knows an address."""
        visitor = self.visitor()
        if role in self._sessions:
            visitor.client.set_cookie(self._cookie, self._sessions[role])
        return visitor

    @property
    def _cookie(self) -> str:
        return f"thicket-{self.deployment.settings.port}"

    def _session_of(self, visitor: Visitor) -> str:
        cookie = visitor.client.get_cookie(self._cookie)
        assert cookie is not None
        return cookie.value

    def employee_named(self, text: str) -> EmployeeFacts:
        """Inactive, and called so."""
        employee_id = self.deployment.identifiers.new()
        self.desk.commands.send(
            RegisterEmployee(employee_id=employee_id, name=text[:80], email="named@example.com")
        )
        found: EmployeeFacts = self.desk.queries.ask(EmployeeDetails(employee_id=employee_id))
        return found

    @cached_property
    def failed_id(self) -> str:
        """A message of ours that failed, so that it can be replayed: the first issue's."""
        view = self.deployment.operations["customer_service"]
        places = view.places(FailedMessageSearch(), limit=50, oldest_first=True)
        readable = {row.id for row in view.rows([own_id for _, own_id in places]) if row.readable}
        return next(own_id for _, own_id in places if own_id in readable)

    @cached_property
    def deleted_id(self) -> str:
        view = self.deployment.operations["backoffice"]
        return view.places(FailedMessageSearch(deleted=True), limit=1)[0][1]

    def work_off(self) -> None:
        """As relay and worker would; the confirmation fails, as in a demonstration."""
        for context, runtime in self.deployment.runtimes.items():
            waiting = SqlWaitingDeliveries(self.deployment.stores[context])
            leased = waiting.claim(list(runtime.senders), limit=50, token="test")
            for one in leased:
                if one.delivery.channel.startswith(f"{context}."):
                    runtime.receive(one.delivery)
            waiting.remove(leased)

    def _park_failures(self, text: str) -> None:
        self.desk.consumer.reject("backoffice.distribution", text.encode(), ValueError(text))
        self.customers.consumer.reject("customer_service.distribution", b"\xff", ValueError(text))
        self.desk.consumer.reject("backoffice.distribution", b"\xfe", ValueError(text))
        view = self.deployment.operations["backoffice"]
        newest = view.places(FailedMessageSearch(), limit=1)[0][1]
        self.desk.failed_messages.delete(newest, actor=text, reason=text)

    def _look_like_running(self, text: str) -> None:
        here, now = self.deployment, self.deployment.clock.now()
        here.caught_mails.keep(
            CaughtMail(
                id="mail-1",
                caught_at=now,
                sender="maria@example.com",
                recipients=("desk@example.com",),
                subject=text,
                message_id="<1@example.com>",
                raw=_raw_mail(text),
            )
        )
        here.jobs.start(
            Job(id="job-1", kind="replay", label=text, started_by=text, started_at=now, total=9)
        )
        here.heartbeats.beat(
            Heartbeat(
                process="worker-1",
                kind="worker",
                host=text,
                pid=7,
                channels=[text],
                started_at=now,
                seen_at=now,
                handling=text,
                handling_since=now,
            )
        )
        here.traces.save(
            [
                SpanRecord(
                    trace_id=TRACE_ID,
                    span_id="b7ad6b7169203331",
                    name=text,
                    kind=SpanKind.SERVER,
                    service=text,
                    started_at=now,
                    duration=timedelta(milliseconds=5),
                    failed=True,
                    exception=text,
                    stack_trace=text,
                    attributes={"message.correlation_id": text, text: text},
                )
            ]
        )
        here.audit.record(Actor(name=text, account_id="x"), "note", "x", at=now, reason=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way to ask: a method and an address of the application's map."""

    method: str
    rule: str
    endpoint: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"


def routes(site: DeploymentSite) -> list[Route]:
    """Every one that the application knows, without those that Flask answers by itself."""
    return sorted(
        (
            Route(
                method=method,
                rule=rule.rule,
                endpoint=rule.endpoint,
                arguments=tuple(sorted(rule.arguments)),
            )
            for rule in site.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        ),
        key=str,
    )


class Addresses:
    """Puts something that is there into the places of a route.

    The customer has a link to an issue; the employees, also the inactive one, were sent links to
    choose a password with. Whoever has no link makes one up.
    """

    def __init__(self, site: FurnishedSite, role: str) -> None:
        self._site, self._role = site, role
        self._url = site.app.url_map.bind("localhost")

    def of(self, route: Route, **instead: str) -> str:
        values = {
            name: instead.get(name, self.value(route.endpoint, name)) for name in route.arguments
        }
        return self._url.build(route.endpoint, values, method=route.method)

    def value(self, endpoint: str, name: str) -> str:
        site = self._site
        match name:
            case "token":
                return self._token(endpoint)
            case "ticket_id":
                return site.ticket_id
            case "employee_id":
                return site.named.employee_id if endpoint == "backoffice.activate" else self._ada()
            case "failed_message_id":
                return site.failed_id
            case "action":
                return "pause" if "projection" in endpoint else "replay"
            case "context":
                return "backoffice"
            case "name" if endpoint == "static_files.static_file":
                return "thicket.css"
            case "name":
                return "unassigned_tickets"
        return {
            "job_id": "job-1",
            "mail_id": "mail-1",
            "session_id": "none",
            "trace_id": TRACE_ID,
            "version": "any",
        }[name]

    def _ada(self) -> str:
        return self._site.ada.employee_id

    def _token(self, endpoint: str) -> str:
        if endpoint.startswith("customer_service."):
            link = self._site.deployment.links.link_to(self._site.issue_id)
            return urlsplit(link).path.split("/")[2] if self._role == CUSTOMER else "made-up"
        purpose = TokenPurpose.RESET if "reset" in endpoint else TokenPurpose.INVITATION
        return self._site.tokens.get((self._role, purpose), "made-up")


def form_token_for(visitor: Visitor) -> str:
    """Good for any form that this visitor sends."""
    return form_token(visitor.get("/password-reset").text)


def _raw_mail(text: str) -> bytes:
    message = EmailMessage()
    message["From"] = "maria@example.com"
    message["To"] = "desk@example.com"
    message["Subject"] = text
    message.set_content(text)
    message.add_alternative(f"<p>{text}</p>", subtype="html")
    message.add_attachment(b"x", maintype="text", subtype="plain", filename=text)
    return message.as_bytes()
