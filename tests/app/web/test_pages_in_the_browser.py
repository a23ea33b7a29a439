"""The style guide in Chromium: how pages look, read and fit."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.app.web.conftest import a_site
from tests.support.browser import ChromiumPage, View, serving

pytestmark = pytest.mark.browser

PAGES = ("", "/list", "/list?q=nothing", "/operations", "/report", "/follow", "/confirm")
MOST_REQUESTS = 12
MOST_BYTES = 250_000


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(a_site()) as at:
        yield f"{at}/styleguide"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_and_fits_in_both_themes_and_on_a_narrow_screen(
    chromium_page: ChromiumPage, address: str, path: str
) -> None:
    view = chromium_page(theme="light", width=1280)
    view.open(address + path)
    view.assert_accessible()
    view.assert_fits_the_width()

    view.page.emulate_media(color_scheme="dark")
    view.assert_accessible()

    view.page.set_viewport_size({"width": 360, "height": 740})
    view.assert_accessible()
    view.assert_fits_the_width()


def test_no_two_elements_of_a_page_have_the_same_id(
    chromium_page: ChromiumPage, address: str
) -> None:
    view = chromium_page()

    for path in PAGES:
        view.open(address + path)
        ids = view.page.eval_on_selector_all("[id]", "all => all.map((element) => element.id)")
        assert len(ids) == len(set(ids)), path


def test_a_page_that_is_neither_is_noticed(chromium_page: ChromiumPage, address: str) -> None:
    view = chromium_page(width=360)
    view.open(address)
    view.page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', "
        "'<img src=\"\"><table><tr><td>' + 'w'.repeat(300) + '</td></tr></table>')"
    )

    with pytest.raises(AssertionError, match="image-alt"):
        view.assert_accessible()
    with pytest.raises(AssertionError, match="px wide"):
        view.assert_fits_the_width()


def test_a_style_or_script_inside_a_page_is_refused_by_the_browser(
    chromium_page: ChromiumPage, address: str
) -> None:
    view = chromium_page()
    view.open(address)
    view.expect_complaint("Content Security Policy")

    view.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<p id=painted style=\"color: red\">x</p>')"
    )

    assert any("Content Security Policy" in complaint for complaint in view.complaints)
    assert view.page.locator("#painted").evaluate("e => getComputedStyle(e).color") != (
        "rgb(255, 0, 0)"
    )


@pytest.mark.parametrize("page", ["/report", "/list", "/operations"])
def test_a_first_visit_stays_within_the_budget(
    chromium_page: ChromiumPage, address: str, page: str
) -> None:
    view = chromium_page()
    sizes: list[int] = []
    view.page.on(
        "requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"])
    )

    view.page.goto(address + page, wait_until="networkidle")

    assert 5 < len(sizes) <= MOST_REQUESTS
    assert sum(sizes) <= MOST_BYTES


def test_without_javascript_pages_still_fit_and_hide_what_would_not_work(
    chromium_page: ChromiumPage, address: str
) -> None:
    view = chromium_page(javascript=False, width=360, theme="dark")

    view.open(address)

    view.assert_fits_the_width()
    assert not any(url.endswith(".js") for url in view.requested)
    assert view.page.locator(".needs-js:visible").count() == 0
    dark = view.page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    assert dark == "rgb(18, 24, 38)"


def test_without_javascript_the_menu_the_filters_and_the_bulk_bar_work(
    chromium_page: ChromiumPage, address: str
) -> None:
    view = chromium_page(javascript=False, width=360)
    page = view.page
    view.open(f"{address}/list")

    expect(page.get_by_role("navigation", name="Main")).not_to_be_visible()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Status").select_option("assigned")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("status=assigned"))
    expect(page.get_by_text("Status: Assigned")).to_be_visible()

    page.get_by_role("checkbox", name="Tick ticket T-4200").check()
    page.get_by_role("button", name="Cancel tickets").click()
    expect(page.get_by_role("heading", name="Delete 3 failed messages?")).to_be_visible()
    expect(page.get_by_text("Chosen: 1.")).to_be_visible()


def test_without_javascript_a_wrong_form_comes_back_and_a_right_one_goes_through(
    chromium_page: ChromiumPage, address: str
) -> None:
    view = chromium_page(javascript=False)
    view.expect_complaint("status of 422")
    page = view.page
    view.open(f"{address}/report")

    page.get_by_label("E-mail address").fill("maria@example.com")
    page.get_by_role("button", name="Send report").click()
    expect(page.get_by_role("link", name="Subject: Say in a few words")).to_be_visible()

    page.get_by_label("Subject").fill("Invoice")
    page.get_by_label("What happened").fill("The total is wrong.")
    page.get_by_role("button", name="Send report").click()
    expect(page.get_by_text("Your report was received.")).to_be_visible()


def test_a_printed_page_holds_the_content_alone(chromium_page: ChromiumPage, address: str) -> None:
    view = chromium_page(theme="dark")
    view.open(f"{address}/follow")

    view.page.emulate_media(media="print")

    assert not view.page.locator(".public-footer").is_visible()
    assert not view.page.get_by_role("button", name="Copy issue id").is_visible()
    assert view.page.get_by_role("heading", name="Invoice shows the wrong total").is_visible()


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/broken", 500)])
def test_error_pages_are_as_good_as_the_others(
    chromium_page: ChromiumPage, address: str, path: str, status: int
) -> None:
    view: View = chromium_page(width=360)
    view.expect_complaint(f"status of {status}")

    view.open(address.removesuffix("/styleguide") + path)

    view.assert_accessible()
    view.assert_fits_the_width()
