"""Addresses, payloads, passwords and tokens stay out of logs and spans, also when things break."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from logging import getLogger
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from adapters.telemetry.logs import set_up_logs
from app.composition.migrations import migrate
from app.identity.access import signed_link
from tests.app.customer_service.reporting import key_in
from tests.app.deployment_site import PASSWORD, DeploymentSite, settings_of
from tests.app.security.furnished_site import FurnishedSite

SECRETS = {
    "the address of a customer": "quentin.quokka@example.com",
    "a subject": "zebra-crossing-subject",
    "a text": "zebra-crossing-content",
    "a password": "zebra-crossing-password",
    "the password of staff": PASSWORD,
    "the address of staff": "ada@example.com",
}


@pytest.fixture
def _restored_logging() -> Iterator[None]:
    root = getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.mark.usefixtures("_restored_logging")
def test_nothing_that_people_typed_reaches_logs_or_spans(
    migrated_files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = tmp_path / "data"
    shutil.copytree(migrated_files, data)
    set_up_logs(process="web", level="DEBUG", as_json=True)
    site = FurnishedSite(data)
    tokens = walk(site, monkeypatch)
    site.deployment.telemetry.flush()
    site.close()

    printed = capsys.readouterr().out
    with closing(sqlite3.connect(data / "monitoring.db")) as connection:
        spans = repr(connection.execute("SELECT * FROM monitoring_span").fetchall())
    assert "request failed" in printed or "Exception on" in printed
    assert "HTTP POST /issues" in spans
    for what, secret in {**SECRETS, **tokens}.items():
        assert secret not in printed, f"{what} is in the log"
        assert secret not in spans, f"{what} is in a span"


@pytest.mark.usefixtures("_restored_logging")
@pytest.mark.parametrize("as_json", [True, False])
def test_what_a_database_refuses_is_not_told(
    postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    """PostgreSQL names the whole row, with the line breaks of what was typed."""
    settings = replace(
        settings_of(tmp_path), database_url=postgres_url, monitoring_url=postgres_url
    )
    migrate(settings)
    set_up_logs(process="web", level="DEBUG", as_json=as_json)
    site = DeploymentSite(tmp_path, settings)
    site.ticket(SECRETS["a subject"], description=f"Hello,\n\n{SECRETS['a text']}")
    with psycopg.connect(postgres_url) as connection:
        for table in ("customer_service_issue", "backoffice_unassigned_ticket"):
            refusing = sql.SQL("ALTER TABLE {} ADD CONSTRAINT refused CHECK (subject = '')")
            connection.execute(refusing.format(sql.Identifier(table)))
    report = {
        "email": SECRETS["the address of a customer"],
        "subject": SECRETS["a subject"],
        "content": f"Hello,\n\n{SECRETS['a text']}",
    }

    answer = site.visitor().post("/issues", report, seen="/")
    site.catch_up()
    site.deployment.telemetry.flush()
    site.close()

    printed = capsys.readouterr().out
    with psycopg.connect(postgres_url) as connection:
        spans = repr(connection.execute("SELECT * FROM monitoring_span").fetchall())
    assert answer.status_code == 500
    assert "Exception on /issues" in printed
    assert "projection failed" in printed
    for told in (printed, spans):
        assert "violates check constraint" in told
        for what, secret in SECRETS.items():
            assert secret not in told, f"{what} is told"


def walk(site: FurnishedSite, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What strangers, customers and staff do, with success and without; the tokens they had."""
    visitor = site.visitor()
    report = {
        "key": key_in(visitor.get("/").text),
        "email": SECRETS["the address of a customer"],
        "subject": SECRETS["a subject"],
        "content": SECRETS["a text"],
    }
    page = ""
    for sent in (report, {**report, "email": f"{report['email']} x"}, report):
        answer = visitor.post("/issues", sent, seen="/", follow=False)
        page = answer.location or page
    site.work_off()
    visitor.post("/follow", {"email": report["email"]}, seen="/follow")
    visitor.post("/password-reset", {"email": report["email"]}, seen="/password-reset")
    site.work_off()
    for email in (report["email"], "ada@example.com"):
        wrong = {"email": email, "password": SECRETS["a password"]}
        visitor.post("/sign-in", wrong, seen="/sign-in")
    employee = site.signed_in(site.ada)
    employee.get(f"/backoffice/tickets?q={SECRETS['a subject']}")
    session = employee.client.get_cookie("thicket-8000")
    assert session is not None
    invitation = next(iter(site.tokens.values()))
    visitor.get(f"/invitation/{invitation}")
    assert visitor.get(page).status_code == 200

    @signed_link
    def broken(token: str) -> str:
        raise RuntimeError("cannot draw it")

    monkeypatch.setitem(site.app.view_functions, "customer_service.follow", broken)
    assert visitor.get(page).status_code == 500
    return {
        "the token of a customer": page.rpartition("/")[2],
        "an invitation": invitation,
        "a session": session.value,
    }
