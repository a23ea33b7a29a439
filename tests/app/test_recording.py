"""What the whole site records of itself: enough to follow, and no secret."""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from urllib.parse import urlsplit

import pytest

from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from adapters.telemetry.logs import set_up_logs
from adapters.telemetry.prometheus import exposition
from app.messaging.runtime import Runtime
from ports.errors import StoreUnavailable
from ports.outbound.traces import SpanRecord, TraceSearch
from tests.app.customer_service.reporting import key_in
from tests.app.deployment_site import OPERATOR, PASSWORD, DeploymentSite, Visitor

CUSTOMER = "maria.secret@customers.example"
SUBJECT = "Zebra-striped invoice"
CONTENT = "My card number is 4111-1111"
POLL = {"HX-Request": "true"}


@pytest.fixture
def site(whole_site: DeploymentSite) -> DeploymentSite:
    return whole_site


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers = handlers
    root.setLevel(level)


def recorded(site: DeploymentSite) -> list[SpanRecord]:
    site.deployment.telemetry.flush()
    traces = site.deployment.traces.search(TraceSearch(), limit=200)
    return [span for one in traces for span in site.deployment.traces.spans(one.trace_id)]


def work_off(site: DeploymentSite) -> None:
    """Handle whatever waits, in both contexts, as workers would."""
    for _ in range(10):
        handled = [_work_off(site, runtime) for runtime in site.deployment.runtimes.values()]
        if not any(handled):
            return
    raise AssertionError("messages keep coming")


def _work_off(site: DeploymentSite, runtime: Runtime) -> int:
    waiting = SqlWaitingDeliveries(site.deployment.stores[runtime.context])
    # Channels of the other context, too: what is sent there waits here.
    leased = waiting.claim(list(runtime.senders), limit=100, token="test")
    waiting.remove(leased)
    for row in leased:
        receiver = row.delivery.channel.partition(".")[0]
        site.deployment.runtimes[receiver].receive(row.delivery)
    return len(leased)


def report(site: DeploymentSite, customer: Visitor) -> str:
    """The path of the page on which it is followed."""
    answer = customer.post(
        "/issues",
        {
            "key": key_in(customer.get("/").text),
            "email": CUSTOMER,
            "subject": SUBJECT,
            "content": CONTENT,
        },
        seen="/",
        follow=False,
    )
    assert answer.status_code == 303, answer.text
    return urlsplit(answer.headers["Location"]).path


def test_a_page_that_was_opened_is_recorded_and_its_polls_are_not(site: DeploymentSite) -> None:
    customer, operator = site.visitor(), site.operator()
    page = report(site, customer)
    operator.get("/operations/")
    before = recorded(site)

    for _ in range(3):
        assert customer.get(f"{page}/progress", headers=POLL).status_code == 200
        assert operator.get("/operations/figures", headers=POLL).status_code == 200
        assert operator.get("/backoffice/tickets", headers=POLL).status_code == 200
        assert customer.get("/healthz/ready").status_code in (200, 503)

    assert "HTTP GET /operations/" in [span.name for span in before]
    assert recorded(site) == before


def test_a_poll_that_fails_is_seen_in_the_logs(
    site: DeploymentSite, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_logs(process="web", level="INFO", as_json=True)
    page = report(site, site.visitor())
    before = recorded(site)

    def away(*_: object, **__: object) -> object:
        raise StoreUnavailable("nobody answers")

    monkeypatch.setattr(type(site.customers.queries), "ask", away)
    answer = site.visitor().get(f"{page}/progress", headers=POLL)

    assert answer.status_code == 503
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [failed] = [line for line in lines if line["event"] == "request failed"]
    assert (failed["level"], failed["status"]) == ("error", 503)
    assert failed["path"] == "/issues/***/progress"
    assert "trace_id" not in failed
    assert recorded(site) == before


def test_a_request_that_storage_lets_down_is_red_in_its_trace_and_in_the_logs(
    site: DeploymentSite, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_logs(process="web", level="INFO", as_json=True)
    page = report(site, site.visitor())

    def away(*_: object, **__: object) -> object:
        raise StoreUnavailable("nobody answers")

    monkeypatch.setattr(type(site.customers.queries), "ask", away)
    answer = site.visitor().get(page)

    assert answer.status_code == 503
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [failed] = [line for line in lines if line["event"] == "request failed"]
    assert (failed["level"], failed["status"]) == ("error", 503)
    assert (failed["error"], failed["reason"]) == ("StoreUnavailable", "nobody answers")
    [span] = [one for one in recorded(site) if one.name == "HTTP GET /issues/<token>"]
    assert span.failed


def test_methods_that_somebody_made_up_are_one_name(site: DeploymentSite) -> None:
    made_up = ["XQZPL", "YQZPL"]

    for method in made_up:
        assert site.visitor().client.open("/", method=method).status_code == 405

    names = [span.name for span in recorded(site)]
    assert names.count("HTTP _OTHER (no such address)") == len(made_up)
    assert "QZPL" not in repr(recorded(site))
    shown = exposition().decode()
    assert 'method="_OTHER"' in shown
    assert "QZPL" not in shown


def test_every_statement_of_the_story_names_its_tables(site: DeploymentSite) -> None:
    report(site, site.visitor())
    work_off(site)
    site.operator().get("/operations/failed-messages?view=all")

    statements = [span for span in recorded(site) if "db.query.summary" in span.attributes]

    assert len(statements) > 20
    assert {span.name for span in statements if " " not in span.name} <= {"BEGIN", "COMMIT"}
    assert {span.attributes["db.system.name"] for span in statements} == {"sqlite"}


def test_the_story_leaves_no_secret_in_spans_and_logs(
    site: DeploymentSite, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(process="web", level="INFO", as_json=True)
    customer, operator = site.visitor(), site.operator()
    page = report(site, customer)
    employee = site.employee("Ada")
    work_off(site)
    customer.get(page)
    operator.get(f"/operations/failed-messages?view=all&q={CUSTOMER}")
    site.visitor().post(
        "/sign-in", {"email": CUSTOMER, "password": PASSWORD}, seen="/sign-in", follow=False
    )
    site.visitor().post("/password-reset", {"email": OPERATOR}, seen="/password-reset")
    work_off(site)
    customer.post(f"{page}/close", seen=f"{page}/close")
    work_off(site)

    spans = recorded(site)
    kept = "\n".join(json.dumps(asdict(span), default=str) for span in spans)
    told = capsys.readouterr().out

    assert any(span.failed for span in spans)  # no mail server answers: errors are kept, too
    secrets = (CUSTOMER, OPERATOR, employee.email, PASSWORD, SUBJECT, CONTENT, page.split("/")[2])
    assert [one for one in secrets if one in kept] == []
    assert [one for one in secrets if one in told] == []
    assert told
