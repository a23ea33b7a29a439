"""The main story, in a real browser, on the real thing, on each profile.

A customer reports; the confirmation fails and is replayed; an employee is registered, invited and
works on the ticket; the customer is told and closes. Nothing here reaches into the process.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import ChromiumPage
from tests.support.product import (
    OPERATOR,
    OPERATOR_PASSWORD,
    ROOT,
    Product,
    running_product,
)
from tests.support.servers import fresh_postgres_database, fresh_rabbitmq, fresh_redis_database

pytestmark = [pytest.mark.story, pytest.mark.browser, pytest.mark.timeout(400)]

CUSTOMER = "maria@example.com"
EMPLOYEE = "ada@example.com"
EMPLOYEE_PASSWORD = "correct horse battery staple"


@pytest.fixture(params=["embedded", "postgresql-rabbitmq", "postgresql-redis"])
def product(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Product]:
    data = tmp_path / "data"
    match request.param:
        case "embedded":
            with running_product(data) as running:
                yield running
        case "postgresql-rabbitmq":
            with (
                fresh_postgres_database() as database,
                fresh_rabbitmq() as broker,
                running_product(data, servers(database, broker.url)) as running,
            ):
                yield running
        case "postgresql-redis":
            with (
                fresh_postgres_database() as database,
                fresh_redis_database() as broker_url,
                running_product(data, servers(database, broker_url)) as running,
            ):
                yield running


def servers(database: str, broker: str) -> Mapping[str, str]:
    return {"THICKET_DATABASE_URL": database, "THICKET_BROKER_URL": broker}


def test_an_issue_is_reported_worked_on_and_closed(
    product: Product, chromium_page: ChromiumPage
) -> None:
    at = product.address
    customer = chromium_page().page
    operator = chromium_page().page
    employee = chromium_page().page

    # 1. A customer reports an issue and gets a number and a link.
    customer.goto(f"{at}/")
    customer.get_by_label("E-mail address").fill(CUSTOMER)
    customer.get_by_label("Subject").fill("Invoice shows the wrong total")
    customer.get_by_label("What happened").fill("It says 12 <b>instead</b> of 21.")
    customer.get_by_role("button", name="Send report").click()
    heading = customer.get_by_role("heading", name=re.compile(r"Issue #\d+"))
    expect(heading).to_be_visible()
    issue = heading.inner_text().removeprefix("Issue ")
    follow_page = customer.url
    expect(customer.get_by_text("Confirmation on its way")).to_be_visible()

    # 2. Its confirmation is a failed message soon, and the rest of the story goes on.
    sign_in(operator, at, OPERATOR, OPERATOR_PASSWORD)
    operator.goto(f"{at}/operations/")
    wait_for_text(operator, "1 failed message")
    operator.goto(f"{at}/backoffice/tickets?view=unassigned")
    wait_for_text(operator, "Invoice shows the wrong total")
    wait_for_text(customer, "Received by the desk")

    # 4. The operator looks at it, and replays it.
    operator.goto(f"{at}/operations/failed-messages?view=all")
    operator.locator("a.main-link").first.click()
    for shown in ("MailTemplateIsBroken", "issue.confirm_report", "confirm_report", CUSTOMER):
        expect(operator.get_by_text(shown).first).to_be_visible()
    replay = operator.locator("form[action$='/replay']").first
    replay.get_by_role("button").click()
    wait_for_mail(operator, at, "We received your issue")
    wait_for_text(customer, "Confirmation sent")
    operator.goto(f"{at}/operations/failed-messages?view=all")
    expect(operator.get_by_text("MailTemplateIsBroken")).to_have_count(0)

    # 5. An employee is registered, activated, invited and signs in.
    operator.goto(f"{at}/backoffice/employees/new")
    operator.get_by_label("Name").fill("Ada Lovelace")
    operator.get_by_label("E-mail").fill(EMPLOYEE)
    operator.locator("main form button[type=submit]").last.click()
    operator.locator("form[action$='/activate'] button").click()
    invitation = link_in_mail(operator, at, EMPLOYEE, r"/invitation/[^\s\"<]+")
    employee.goto(f"{at}{urlsplit(invitation).path}")
    for field in employee.locator("input[type=password]").all():
        field.fill(EMPLOYEE_PASSWORD)
    employee.locator("main form button[type=submit]").click()
    sign_in(employee, at, EMPLOYEE, EMPLOYEE_PASSWORD)

    # 6. She takes the ticket and resolves it; the customer sees and reads it.
    #    The customer named the number of the issue, which is not that of the ticket.
    employee.goto(f"{at}/backoffice/tickets?view=unassigned")
    employee.get_by_role("searchbox").last.fill(issue)
    employee.get_by_role("searchbox").last.press("Enter")
    expect(employee.get_by_text(re.compile(rf"T-\d+ · Issue {issue}\b"))).to_be_visible()
    employee.get_by_role("link", name=re.compile("Invoice shows the wrong total")).first.click()
    ticket_page = employee.url
    employee.locator("form[action$='/take'] button").click()
    expect(employee.get_by_text("Ada Lovelace").first).to_be_visible()
    wait_for_text(customer, "In work")
    employee.locator("form[action$='/resolve'] button").click()
    wait_for_mail(operator, at, "Your issue is resolved")
    wait_for_text(customer, "Resolved")
    employee.locator("form[action$='/reopen'] button").click()
    expect(employee.locator("form[action$='/resolve'] button")).to_be_visible()

    # 7. The customer closes the issue, and the ticket is cancelled.
    customer.goto(f"{follow_page}/close")
    customer.get_by_role("button", name="Close issue").click()
    expect(customer.get_by_text("Closed by you")).to_be_visible()
    wait_for_mail(operator, at, "You closed your issue")
    employee.goto(ticket_page)
    wait_for_text(employee, "Cancelled")

    # 8. The conversation is a trace, with the failure in it.
    operator.goto(f"{at}/operations/traces?q=Issue.report")
    wait_for_text(operator, "HTTP POST /issues")
    operator.get_by_role("link", name="HTTP POST /issues", exact=True).first.click()
    for span in (
        "Command Bus",
        "Command Handler: Issue.report",
        "Event Bus",
        "Sending to channel: customer_service.notifications",
        "Receiving from channel: customer_service.notifications",
        "Event Handler: CustomerNotices.confirm_report",
        "Receiving from channel: backoffice.distribution",
    ):
        wait_for_text(operator, span)


def test_everything_is_there_again_after_a_restart(
    tmp_path: Path, chromium_page: ChromiumPage
) -> None:
    with running_product(tmp_path / "data") as first:
        page = chromium_page().page
        page.goto(f"{first.address}/")
        page.get_by_label("E-mail address").fill(CUSTOMER)
        page.get_by_label("Subject").fill("Lost and found")
        page.get_by_label("What happened").fill("It was there yesterday.")
        page.get_by_role("button", name="Send report").click()
        path = urlsplit(page.url).path
        page.close()

    with running_product(tmp_path / "data") as second:
        again = chromium_page().page
        again.goto(f"{second.address}{path}")

        expect(again.get_by_text("Lost and found").first).to_be_visible()


def test_a_second_start_on_the_same_data_is_refused_in_one_line(tmp_path: Path) -> None:
    with running_product(tmp_path / "data") as running:
        second = subprocess.run(
            [str(ROOT / "thicket"), "up", "--port", "1", "--data", str(running.data)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert second.returncode == 2
    assert len(second.stderr.strip().splitlines()) == 1
    assert "already runs" in second.stderr


def sign_in(page: Page, at: str, email: str, password: str) -> None:
    page.goto(f"{at}/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).not_to_have_url(re.compile("/sign-in"))


def wait_for_text(page: Page, text: str) -> None:
    """Pages of asynchronous projections may need a moment: looked at again until it is there."""
    for _ in range(30):
        if page.get_by_text(text).first.is_visible():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"{page.url} never showed {text!r}:\n{page.locator('body').inner_text()}")


def wait_for_mail(page: Page, at: str, subject: str) -> None:
    page.goto(f"{at}/mailbox")
    wait_for_text(page, subject)


def link_in_mail(page: Page, at: str, recipient: str, pattern: str) -> str:
    page.goto(f"{at}/mailbox?q={recipient}")
    wait_for_text(page, recipient)
    page.locator("a.main-link").first.click()
    source = page.request.get(f"{page.url.partition('?')[0]}/raw").text().replace("=\n", "")
    found = re.search(pattern, source.replace("=3D", "="))
    assert found is not None, source
    return found.group()
