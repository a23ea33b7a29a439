"""A small site with the pages of identity, on memory adapters, and a browser for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from html import unescape

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters.memory.accounts import MemoryAccounts, MemorySessions
from adapters.memory.audit import MemoryAuditLog
from adapters.memory.time import VirtualClock
from adapters.passwords.argon2_passwords import Argon2Cost, Argon2Passwords
from adapters.sql.accounts import SqlAccounts
from adapters.sql.audit import SqlAuditLog
from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.sessions import SqlSessions
from app.identity.access import (
    Rule,
    employees,
    operators,
    public,
    staff,
    verify_every_route_has_a_rule,
)
from app.identity.blueprint import IdentityServices, set_up_identity, signed_in_user
from app.identity.rate_limits import RateLimiting, RateLimits
from app.identity.sessions import SessionCookie, acting_headers
from app.web.errors import answers_json
from app.web.navigation import Frame
from app.web.site import set_up_site
from ports.outbound.accounts import Account, Accounts, Role
from ports.outbound.audit import AuditLog
from ports.outbound.sessions import SessionLifetimes, Sessions

PASSWORD = "a good long password"
OPERATOR = "Olga@example.com"
EMPLOYEE = "emil@example.com"


@dataclass
class AskedResets:
    emails: list[str] = field(default_factory=list)

    def request(self, email: str) -> None:
        self.emails.append(email)


UNLIMITED = RateLimits(**{field.name: "" for field in fields(RateLimits)})


class Site:
    """``clock`` is the site's time, except that of the rate limits' windows, which is real. With a
    ``database``, accounts, sessions and audit log lie there."""

    def __init__(
        self,
        *,
        limits: RateLimits | None = None,
        secure: bool = False,
        database: DeploymentDatabase | None = None,
    ) -> None:
        self.clock = VirtualClock()
        self.lifetimes = SessionLifetimes()
        self.accounts: Accounts
        self.sessions: Sessions
        self.audit_log: AuditLog
        if database is None:
            self.accounts = kept = MemoryAccounts(self.clock)
            self.sessions = MemorySessions(kept, self.clock, self.lifetimes)
            self.audit_log = MemoryAuditLog()
        else:
            self.accounts = SqlAccounts(database, clock=self.clock)
            self.sessions = SqlSessions(database, clock=self.clock, lifetimes=self.lifetimes)
            self.audit_log = SqlAuditLog(database)
        self.passwords = Argon2Passwords(cost=Argon2Cost(passes=1, memory_kib=8, lanes=1))
        self.resets = AskedResets()
        self.secure = secure
        self.app = self._app(limits or RateLimits())

    def _app(self, limits: RateLimits) -> Flask:
        app = Flask("site under test", static_folder=None)
        app.config.update(SECRET_KEY="for tests only", TESTING=True)
        set_up_site(
            app,
            frame=lambda: Frame(user=signed_in_user()),
            now=self.clock.now,
            tls=self.secure,
        )
        set_up_identity(
            app,
            IdentityServices(
                accounts=self.accounts,
                sessions=self.sessions,
                lifetimes=self.lifetimes,
                passwords=self.passwords,
                resets=self.resets,
                audit_log=self.audit_log,
                now=self.clock.now,
            ),
            rate_limiting=RateLimiting(limits, now=self.clock.now),
            cookie=SessionCookie(secure=self.secure),
            home_of=home_of,
            declared_rules={"static_files.static_file": Rule.PUBLIC},
        )
        _add_sample_pages(app)
        verify_every_route_has_a_rule(app)
        return app

    def open_accounts(self) -> None:
        hashed = self.passwords.hash(PASSWORD)
        self.accounts.open(
            "o-1", email=OPERATOR, display_name="Olga", role=Role.OPERATOR, password_hash=hashed
        )
        self.accounts.open(
            "e-1", email=EMPLOYEE, display_name="Emil", role=Role.EMPLOYEE, password_hash=hashed
        )

    def browser(self) -> "Browser":
        return Browser(self.app.test_client(), secure=self.secure)


def home_of(account: Account) -> str:
    return "/operations/" if account.role is Role.OPERATOR else "/backoffice/"


def _add_sample_pages(app: Flask) -> None:
    @app.get("/")
    @public
    def front() -> str:
        return "front"

    @app.get("/backoffice/")
    @staff
    def desk() -> dict[str, object]:
        return dict(acting_headers())

    @app.get("/suggestions")
    @staff
    @answers_json
    def suggestions() -> list[str]:
        return ["Emil"]

    @app.route("/take", methods=["GET", "POST"])
    @employees
    def take() -> str:
        return "taken"

    @app.route("/operations/", methods=["GET", "POST"])
    @operators
    def console() -> str:
        return "console"


class Browser:
    """Follows no redirects by itself. Forms are sent with the token of a page seen before."""

    def __init__(self, client: FlaskClient, *, secure: bool) -> None:
        self.client = client
        self._base_url = "https://localhost" if secure else "http://localhost"

    def get(self, address: str, headers: Mapping[str, str] | None = None) -> TestResponse:
        return self.client.get(address, headers=dict(headers or {}), base_url=self._base_url)

    def post(
        self,
        address: str,
        data: Mapping[str, str] | None = None,
        *,
        seen: str = "/sign-in",
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Open the page at ``seen`` (or where it leads), then send the form with its token."""
        page = self.client.get(seen, base_url=self._base_url, follow_redirects=True)
        token = form_token(page.text)
        return self.client.post(
            address,
            data={**(data or {}), "csrf_token": token},
            headers=dict(headers or {}),
            base_url=self._base_url,
        )

    def sign_in(
        self, email: str = OPERATOR, password: str = PASSWORD, *, address: str = "/sign-in"
    ) -> TestResponse:
        return self.post(address, {"email": email, "password": password}, seen=address)

    def cookie(self, name: str) -> str | None:
        found = self.client.get_cookie(name, domain="localhost")
        return found.value if found else None


def form_token(html: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', html)
    assert found, "the page has no form"
    return unescape(found.group(1))
