"""The whole site on SQLite files, with nothing running beside it: lists catch up when told to."""

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any, Self

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters.passwords.argon2_passwords import Argon2Cost, Argon2Passwords
from app.composition.deployment import build_deployment
from app.composition.environment import load_settings
from app.composition.migrations import migrate
from app.composition.settings import Limits, Settings
from app.composition.web import create_app_of
from domain.backoffice.employee.messages import ActivateEmployee, RegisterEmployee
from ports.backoffice.queries import EmployeeDetails, EmployeeFacts, TicketDetails, TicketFacts
from ports.contracts.backoffice import PrepareTicket
from ports.outbound.accounts import Role

PASSWORD = "a good long password"
OPERATOR = "olga@example.com"
_QUICK = Argon2Passwords(cost=Argon2Cost(passes=1, memory_kib=8, lanes=1))
_UNLIMITED = Limits(reports="", links="", sign_ins="", mails="")


def settings_of(data: Path) -> Settings:
    """Embedded, with every file in ``data``; nobody is turned away for coming often."""
    settings = load_settings(data=data, port=8000)
    return replace(settings, limits=_UNLIMITED, secret_keys=("for tests only, and long enough",))


class DeploymentSite:
    """``data`` holds files that are migrated already; ``settings`` may name other databases."""

    def __init__(
        self,
        data: Path,
        settings: Settings | None = None,
        *,
        limits: Limits = _UNLIMITED,
        **changed: Any,
    ) -> None:
        """``changed``: other settings than the usual ones."""
        settings = settings or replace(settings_of(data), limits=limits, **changed)
        self.deployment = build_deployment(settings)
        self.desk = self.deployment.runtimes["backoffice"]
        self.customers = self.deployment.runtimes["customer_service"]
        self.app: Flask = create_app_of(self.deployment, passwords=_QUICK)
        self.deployment.accounts.open(
            "operator",
            email=OPERATOR,
            display_name="Olga",
            role=Role.OPERATOR,
            password_hash=_QUICK.hash(PASSWORD),
        )

    @classmethod
    def prepared(cls, data: Path, **changed: Any) -> Self:
        """On databases that were not migrated before."""
        migrate(replace(settings_of(data), **changed))
        return cls(data, **changed)

    def close(self) -> None:
        self.deployment.close()

    def employee(self, name: str, *, active: bool = True) -> EmployeeFacts:
        """Registered, and able to sign in with ``name@example.com`` when active."""
        employee_id = self.deployment.identifiers.new()
        self.desk.commands.send(
            RegisterEmployee(
                employee_id=employee_id, name=name, email=f"{name.lower()}@example.com"
            )
        )
        if active:
            self.desk.commands.send(ActivateEmployee(employee_id=employee_id))
        employee: EmployeeFacts = self.desk.queries.ask(EmployeeDetails(employee_id=employee_id))
        if active:
            # Otherwise done by the invitation, which nobody delivers here.
            self.deployment.accounts.open(
                employee.account_id,
                email=employee.email,
                display_name=name,
                role=Role.EMPLOYEE,
                password_hash=_QUICK.hash(PASSWORD),
            )
        return employee

    def ticket(
        self, subject: str = "Printer burns", *, issue_number: int | None = None, **fields: str
    ) -> str:
        """Prepared; its id."""
        ticket_id = self.deployment.identifiers.new()
        given = {"type": "task", "description": "Smoke comes out of it."} | fields
        self.desk.commands.send(
            PrepareTicket(ticket_id=ticket_id, subject=subject, issue_number=issue_number, **given)
        )
        return ticket_id

    def facts(self, ticket_id: str) -> TicketFacts:
        found: TicketFacts = self.desk.queries.ask(TicketDetails(ticket_id=ticket_id))
        return found

    def catch_up(self) -> None:
        """Let the lists read everything that happened."""
        for projection in self.desk.projections.all:
            self.desk.projections.run(projection.name)

    def visitor(self) -> "Visitor":
        return Visitor(self.app.test_client())

    def operator(self) -> "Visitor":
        return self.visitor().sign_in(OPERATOR)

    def signed_in(self, employee: EmployeeFacts) -> "Visitor":
        return self.visitor().sign_in(employee.email)


class Visitor:
    """Follows redirects after a form, as browsers do; sends forms with the token of a page."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def sign_in(self, email: str) -> "Visitor":
        answer = self.post(
            "/sign-in", {"email": email, "password": PASSWORD}, seen="/sign-in", follow=False
        )
        assert answer.status_code == 303, answer.text
        return self

    def get(self, address: str, headers: Mapping[str, str] | None = None) -> TestResponse:
        return self.client.get(address, headers=dict(headers or {}))

    def post(
        self,
        address: str,
        data: Mapping[str, str | list[str]] | None = None,
        *,
        seen: str = "/account",
        follow: bool = True,
        sender: str = "127.0.0.1",
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Send a form, with the token that the page at ``seen`` holds."""
        token = form_token(self.client.get(seen).text)
        return self.client.post(
            address,
            data={**(data or {}), "csrf_token": token},
            follow_redirects=follow,
            headers=dict(headers or {}),
            environ_base={"REMOTE_ADDR": sender},
        )


def form_token(html: str) -> str:
    return hidden_value(html, "csrf_token")


def hidden_value(html: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', html)
    assert found, f"the page has no field {name}"
    return unescape(found.group(1))


def text_of(html: str) -> str:
    """What a reader sees of the page's main part, white space made one."""
    main = html.split("<main", 1)[-1].split("</main>", 1)[0]
    bare = re.sub(r"<(script|style|svg|template)\b.*?</\1>", " ", main, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())
