from datetime import timedelta
from typing import Literal

import pytest
from flask import render_template_string

from app.identity.access import public
from ports.outbound.accounts import Role, TokenPurpose
from tests.app.identity.site import EMPLOYEE, PASSWORD, Site
from tests.support.browser import ChromiumPage, View, serving

pytestmark = pytest.mark.browser

NEW = "another good password"
WIDE, NARROW = 1280, 360


@pytest.fixture
def site() -> Site:
    made = Site()
    made.open_accounts()
    made.accounts.open("n-1", email="nina@example.com", display_name="Nina", role=Role.EMPLOYEE)
    return made


def sign_in(view: View, address: str, password: str = PASSWORD) -> None:
    view.open(f"{address}/sign-in")
    view.page.get_by_label("E-mail address").fill(EMPLOYEE)
    view.page.get_by_label("Password").fill(password)
    view.page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_every_page_can_be_read_by_everybody(
    site: Site, chromium_page: ChromiumPage, theme: Literal["light", "dark"], width: int
) -> None:
    token = site.accounts.create_token("n-1", TokenPurpose.INVITATION, valid_for=timedelta(days=1))
    view = chromium_page(theme=theme, width=width)
    view.expect_complaint("410")
    view.expect_complaint("422")

    def check() -> None:
        view.assert_accessible()
        view.assert_fits_the_width()

    with serving(site.app) as address:
        for path in (
            "/sign-in",
            "/password-reset",
            "/password-reset/sent",
            f"/invitation/{token}",
            "/invitation/unknown",
            "/password-reset/unknown",
        ):
            view.open(address + path)
            check()

        sign_in(view, address, "a wrong password")
        view.page.get_by_role("alert").wait_for()
        check()

        sign_in(view, address)
        view.page.wait_for_url(f"{address}/backoffice/")
        view.open(f"{address}/account")
        check()
        view.page.get_by_role("button", name="Change password").click()
        view.page.get_by_role("alert").wait_for()
        check()


@pytest.mark.parametrize("javascript", [True, False])
def test_an_invited_employee_gets_in_with_and_without_javascript(
    site: Site, chromium_page: ChromiumPage, javascript: bool
) -> None:
    token = site.accounts.create_token("n-1", TokenPurpose.INVITATION, valid_for=timedelta(days=1))
    view = chromium_page(javascript=javascript)

    with serving(site.app) as address:
        view.open(f"{address}/invitation/{token}")
        view.page.get_by_label("New password").fill(NEW)
        view.page.get_by_role("button", name="Set password").click()
        view.page.wait_for_url(f"{address}/sign-in")
        view.page.get_by_label("E-mail address").fill("nina@example.com")
        view.page.get_by_label("Password").fill(NEW)
        view.page.get_by_role("button", name="Sign in").click()
        view.page.wait_for_url(f"{address}/backoffice/")


def test_keyboard_alone_is_enough_to_sign_in(site: Site, chromium_page: ChromiumPage) -> None:
    view = chromium_page()

    with serving(site.app) as address:
        view.open(f"{address}/sign-in")
        keyboard = view.page.keyboard
        keyboard.type(EMPLOYEE)
        keyboard.press("Tab")
        keyboard.type(PASSWORD)
        keyboard.press("Enter")
        view.page.wait_for_url(f"{address}/backoffice/")


def test_a_live_page_whose_session_ends_leads_to_signing_in_and_back(
    site: Site, chromium_page: ChromiumPage
) -> None:
    @site.app.get("/board")
    @public
    def board() -> str:
        return render_template_string(
            """{% extends "frame_public.html" %}{% set title = "Board" %}
            {% block content %}<h1>Board</h1>
            <button hx-get="/backoffice/" hx-target="this">Refresh</button>{% endblock %}"""
        )

    view = chromium_page()
    view.expect_complaint("401")

    with serving(site.app) as address:
        view.open(f"{address}/board")
        view.page.get_by_role("button", name="Refresh").click()

        view.page.wait_for_url(f"{address}/sign-in?next=%2Fboard")


def test_signed_addresses_are_told_to_no_other_page(
    site: Site, chromium_page: ChromiumPage
) -> None:
    token = site.accounts.create_token("e-1", TokenPurpose.RESET, valid_for=timedelta(hours=1))
    view = chromium_page()
    referrers: list[str | None] = []
    view.page.on("request", lambda sent: referrers.append(sent.headers.get("referer")))

    with serving(site.app) as address:
        view.open(f"{address}/password-reset/{token}")
        view.page.get_by_role("link", name="Thicket").first.click()
        view.page.wait_for_url(f"{address}/")

    assert len(referrers) > 2
    assert set(referrers) == {None}
