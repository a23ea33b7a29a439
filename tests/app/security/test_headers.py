"""What every answer tells the browser to refuse: every route, every role, errors too."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from app.identity.access import public
from tests.app.deployment_site import DeploymentSite, settings_of
from tests.app.security.furnished_site import (
    CUSTOMER,
    OPERATOR,
    ROLES,
    STRANGER,
    Addresses,
    FurnishedSite,
    routes,
)

# Many requests each, and some of them hash passwords.
pytestmark = pytest.mark.timeout(300)

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MAIL = "mailbox.mail_html"


def problems_of(answer: TestResponse, *, untrusted: bool = False) -> list[str]:
    """Headers that are missing or say something else."""
    headers = answer.headers
    policy = headers.get("Content-Security-Policy", "").removesuffix("; frame-src 'self'")
    expected = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Frame-Options": "SAMEORIGIN" if untrusted else "DENY",
    }
    wrong = [name for name, value in expected.items() if headers.get(name) != value]
    if "camera=()" not in headers.get("Permissions-Policy", ""):
        wrong.append("Permissions-Policy")
    if not untrusted and policy != STRICT:
        wrong.append("Content-Security-Policy")
    if untrusted and not (policy.startswith("default-src 'none'") and policy.endswith("sandbox")):
        wrong.append("Content-Security-Policy")
    if "Server" in headers or "X-Powered-By" in headers:
        wrong.append("what this runs on")
    return wrong


@pytest.mark.parametrize("role", ROLES)
def test_every_route_answers_with_every_header(site: FurnishedSite, role: str) -> None:
    visitor, addresses = site.visitor_as(role), Addresses(site, role)
    for route in routes(site):
        # A form without its token: refused, and an answer like any other.
        answer = visitor.client.open(addresses.of(route), method=route.method)

        untrusted = route.endpoint == MAIL and role == OPERATOR
        assert problems_of(answer, untrusted=untrusted) == [], (str(route), answer.status_code)
        if route.endpoint != "static_files.static_file":
            assert answer.headers["Cache-Control"] == "no-store", str(route)


@pytest.mark.parametrize(
    ("address", "method", "status"),
    [
        ("/nowhere", "GET", 404),
        ("/sign-out", "GET", 405),
        ("/static/x/nothing.css", "GET", 404),
        ("/issues/made-up", "GET", 404),
        ("/password-reset/made-up", "GET", 410),
        ("/sign-in", "POST", 400),
        ("/backoffice", "GET", 308),
        ("/account", "OPTIONS", 303),
        ("/", "HEAD", 200),
    ],
)
def test_errors_and_redirects_do_too(
    site: FurnishedSite, address: str, method: str, status: int
) -> None:
    answer = site.visitor().client.open(address, method=method)

    assert answer.status_code == status
    assert problems_of(answer) == []


def test_a_fault_of_ours_does_too(site: FurnishedSite, monkeypatch: pytest.MonkeyPatch) -> None:
    @public
    def broken() -> str:
        raise RuntimeError("broken")

    monkeypatch.setitem(site.app.view_functions, "health.live", broken)

    answer = site.visitor().get("/healthz/live")

    assert answer.status_code == 500
    assert problems_of(answer) == []


def test_no_page_holds_what_the_policy_would_refuse(site: FurnishedSite) -> None:
    """Then nobody is tempted to loosen it: no script, style or handler inside of any page."""
    for role in (STRANGER, CUSTOMER, OPERATOR):
        visitor, addresses = site.visitor_as(role), Addresses(site, role)
        for route in routes(site):
            if route.method != "GET" or route.endpoint == MAIL:
                continue
            answer = visitor.get(addresses.of(route))
            if "html" in (answer.content_type or ""):
                found = re.findall(
                    r"<script(?![^>]*\bsrc=)[^>]*>|<style\b|\sstyle=|\son[a-z]+=|javascript:"
                    r'|(?:src|href|action)="(?:https?:)?//(?!127\.0\.0\.1|localhost)',
                    re.sub(r"<pre\b.*?</pre>", "", answer.text, flags=re.DOTALL),
                )
                assert found == [], (str(route), role)


def test_behind_tls_plain_http_is_refused_and_every_cookie_is_secure(
    migrated_files: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(migrated_files, data)
    site = DeploymentSite(data, replace(settings_of(data), public_url="https://desk.example"))
    try:
        for address in ("/", "/sign-in", "/nowhere", "/static/x/thicket.css"):
            answer = site.visitor().client.get(address, base_url="https://desk.example")
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
            for cookie in answer.headers.getlist("Set-Cookie"):
                assert "; Secure" in cookie
                assert "; HttpOnly" in cookie
                assert "SameSite=Lax" in cookie
                assert cookie.startswith("__Host-")
    finally:
        site.close()
