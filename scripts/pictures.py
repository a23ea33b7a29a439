"""Walk the README's five minutes in a real browser, and take its pictures.

    .venv/bin/python scripts/pictures.py

starts the product on a folder of its own, walks, and writes ``docs/pictures/*.png``. Needs the
packages for development and a Chromium. Look at what came out before committing it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
PORT = 8730
WIDTH, HEIGHT = 1280, 800
LIMIT_S = 120
PATIENCE_MS = 20_000

OPERATOR = "operator@thicket.example"
CUSTOMER = "ann@example.com"
EMPLOYEE, EMPLOYEE_EMAIL = "Grace Hopper", "grace@thicket.example"
EMPLOYEE_PASSWORD = "seventeen nanoseconds of wire"
SUBJECT = "The printer prints everything twice"
CONTENT = """Since this morning each page comes out twice, on both sides.

I switched it off and on again. It printed the test page twice, too."""
OTHERS = (
    ("bob@example.com", "No access to the shared calendar"),
    ("carol@example.com", "Laptop does not wake up"),
    ("dan@example.com", "Projector in room 4 shows green only"),
)

Take = Callable[[Page, str], None]


def tour(browser: Browser, address: str, password: str, take: Take) -> None:
    """The steps of the README in order; fails where the product does something else."""
    customer = _window(browser)
    report(customer, address, CUSTOMER, SUBJECT)
    _see(_facts(customer).get_by_text("Confirmation on its way"))

    operator = _window(browser)
    sign_in(operator, address, OPERATOR, password)
    open_failed_message(operator, address)
    take(operator, "failed-message")
    operator.get_by_role("button", name="Replay").click()
    _see(_facts(customer).get_by_text("Confirmation sent"))
    operator.goto(f"{address}/mailbox")
    _see(operator.get_by_text(CUSTOMER).first)

    register_employee(operator, address)
    invitation = link_in_mail(operator, address, EMPLOYEE_EMAIL)
    employee = _window(browser)
    employee.goto(invitation)
    employee.get_by_label("New password").fill(EMPLOYEE_PASSWORD)
    employee.get_by_role("button", name="Set password").click()
    sign_in(employee, address, EMPLOYEE_EMAIL, EMPLOYEE_PASSWORD)

    employee.goto(f"{address}/backoffice/tickets?view=unassigned")
    employee.get_by_role("link", name=SUBJECT).click()
    employee.get_by_role("button", name="Take").click()
    _see(_facts(customer).get_by_text("In work"))
    take(customer, "follow")
    employee.get_by_role("button", name="Resolve").click()
    _see(employee.get_by_role("button", name="Reopen"))
    take(employee, "ticket")
    _see(_facts(customer).get_by_text("Resolved"))
    expect_mail(operator, address, CUSTOMER, how_many=2)

    open_trace(operator, address)
    take(operator, "trace")
    operator.goto(f"{address}/operations/")
    _see(operator.get_by_role("heading", name="Overview"))
    take(operator, "operations")


def report(page: Page, address: str, email: str, subject: str, content: str = CONTENT) -> None:
    page.goto(f"{address}/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Subject").fill(subject)
    page.get_by_label("What happened").fill(content)
    page.get_by_role("button", name="Send report").click()
    _see(page.get_by_role("heading", name=re.compile(r"Issue #\d+")))


def sign_in(page: Page, address: str, email: str, password: str) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/(backoffice|operations)/"))


def open_failed_message(page: Page, address: str) -> None:
    """That of the report that the tour follows: the last one."""
    search = f"{address}/operations/failed-messages?view=all"
    found = page.locator("tbody a.main-link")
    _until(page, search, lambda: found.count() > 0)
    found.first.click()
    _see(page.get_by_role("heading", name="Exception", exact=True))


def register_employee(page: Page, address: str) -> None:
    page.goto(f"{address}/backoffice/employees/new")
    page.get_by_label("Name").fill(EMPLOYEE)
    page.get_by_label("E-mail address").fill(EMPLOYEE_EMAIL)
    page.get_by_role("button", name="Register employee").click()
    page.get_by_role("button", name="Activate").click()
    _see(page.get_by_role("link", name="Deactivate"))


def link_in_mail(page: Page, address: str, email: str) -> str:
    expect_mail(page, address, email, how_many=1)
    page.locator("tbody a.main-link").first.click()
    link = page.locator("section[aria-labelledby=links-title] a").first.get_attribute("href")
    assert link is not None
    # The link bears the public address; the walk stays on the one it came by.
    return f"{address}{urlsplit(link).path}"


def expect_mail(page: Page, address: str, email: str, *, how_many: int) -> None:
    rows = page.locator("tbody tr")
    _until(page, f"{address}/mailbox?q={email}", lambda: rows.count() == how_many)


def open_trace(page: Page, address: str) -> None:
    """Of the report: from the request to the mail, with the attempt that failed."""
    found = page.locator("tbody tr", has_text="POST /issues").locator("a.main-link")
    _until(page, f"{address}/operations/traces?outcome=failed", lambda: found.count() > 0)
    found.first.click()
    _see(page.get_by_text("Receiving from channel").first)


def _facts(page: Page) -> Locator:
    return page.locator("dl.facts").first


def _see(what: Locator) -> None:
    expect(what).to_be_visible(timeout=PATIENCE_MS)


def _window(browser: Browser) -> Page:
    """A private window."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme="light",
        reduced_motion="reduce",
        locale="en-GB",
    )
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def _until(page: Page, url: str, condition: Callable[[], bool], *, limit_s: float = 20) -> None:
    """Look again and again, as a person would who waits for something to arrive."""
    deadline = time.monotonic() + limit_s
    page.goto(url)
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{url} did not show in {limit_s:g} s what was awaited")
        page.wait_for_timeout(200)
        page.goto(url)


def main() -> int:
    chromium = os.environ.get("THICKET_TEST_CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        up = subprocess.Popen([ROOT / "thicket", "up", "--port", str(PORT), "--data", data])
        try:
            address = f"http://127.0.0.1:{PORT}"
            _wait_until_ready(f"{address}/healthz/ready")
            password = Path(data, "operator-password").read_text().strip()
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox"], headless=True
            )
            for email, subject in OTHERS:
                report(_window(browser), address, email, subject)
            tour(browser, address, password, _take)
            browser.close()
        finally:
            up.terminate()
            up.wait(timeout=60)
    return 0


def _take(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(400)  # pictures only: let the last fragment settle
    page.screenshot(path=PICTURES / f"{name}.png")


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"{url} was not ready within {LIMIT_S} s")


if __name__ == "__main__":
    sys.exit(main())
