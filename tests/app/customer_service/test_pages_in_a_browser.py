from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import expect

from domain.customer_service.issue.messages import FollowTicket, TicketProgress
from tests.app.customer_service.reporting import page_of, reported
from tests.app.deployment_site import DeploymentSite
from tests.support.browser import ChromiumPage, serving

pytestmark = pytest.mark.browser

WIDE, NARROW = 1280, 360
_TWO_LOOKS_MS = 12_000  # an open page asks every five seconds
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk" * 3


@pytest.fixture
def address(site: DeploymentSite) -> Iterator[str]:
    with serving(site.app) as served:
        yield served


@pytest.mark.parametrize(
    ("theme", "width"), [("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW)]
)
def test_every_page_of_customers_can_be_read_by_everybody(
    site: DeploymentSite,
    address: str,
    chromium_page: ChromiumPage,
    theme: Literal["light", "dark"],
    width: int,
) -> None:
    plain = page_of(site, reported(site))
    long = page_of(site, reported(site, subject=LONG, content=LONG * 5))
    view = chromium_page(theme=theme, width=width)
    view.expect_complaint("422")

    for path in ("/follow", plain, long, f"{long}/close", "/"):
        view.open(address + path)
        view.assert_accessible()
        view.assert_fits_the_width()
    view.page.get_by_role("button", name="Send report").click()
    view.page.get_by_role("alert").wait_for()
    view.assert_accessible()
    view.assert_fits_the_width()


def test_an_issue_is_reported_by_keyboard_alone(address: str, chromium_page: ChromiumPage) -> None:
    view = chromium_page()
    view.open(f"{address}/")
    keyboard = view.page.keyboard

    view.page.get_by_label("E-mail address").focus()
    keyboard.type("maria@example.com")
    keyboard.press("Tab")
    keyboard.type("Printer burns")
    keyboard.press("Tab")
    keyboard.type("Smoke comes out of it.")
    keyboard.press("Tab")
    keyboard.press("Enter")

    expect(view.page.get_by_role("heading", name="Issue #1001")).to_be_visible()


def test_an_issue_is_reported_and_closed_without_javascript(
    address: str, chromium_page: ChromiumPage
) -> None:
    view = chromium_page(javascript=False)
    page = view.page

    view.open(f"{address}/")
    page.get_by_label("E-mail address").fill("maria@example.com")
    page.get_by_label("Subject").fill("Printer burns")
    page.get_by_label("What happened").fill("Smoke comes out of it.")
    page.get_by_role("button", name="Send report").click()
    page.get_by_role("link", name="Close this issue").click()
    page.get_by_role("button", name="Close issue").click()

    expect(page.get_by_text("Your issue is closed.")).to_be_visible()
    expect(page.get_by_text("Closed by you")).to_be_visible()


def test_the_open_page_shows_by_itself_what_the_desk_did(
    site: DeploymentSite, address: str, chromium_page: ChromiumPage
) -> None:
    issue_id = reported(site)
    view = chromium_page()
    view.open(address + page_of(site, issue_id))

    site.customers.commands.send(
        FollowTicket(
            issue_id=issue_id,
            ticket_version=1,
            progress=TicketProgress.TAKEN_INTO_WORK,
            occurred_at=site.deployment.clock.now(),
        )
    )

    state = view.page.locator("#progress .facts .tag").first
    expect(state).to_have_text("In work", timeout=_TWO_LOOKS_MS)
