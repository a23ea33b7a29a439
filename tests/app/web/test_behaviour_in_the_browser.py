"""What the scripts do for people who have them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, request
from playwright.sync_api import Page, Route, expect

from app.web.formatting import relative_time
from tests.app.web.conftest import a_site
from tests.support.browser import ChromiumPage, View, serving

pytestmark = pytest.mark.browser


class Site:
    """The style guide, with a memory of what was asked for."""

    def __init__(self, app: Flask, address: str) -> None:
        self.address = f"{address}/styleguide"
        self.asked: list[tuple[str, str]] = []
        self.answered: list[tuple[str, int]] = []
        app.after_request(self._remember)

    def _remember(self, response):  # type: ignore[no-untyped-def]
        self.asked.append((request.method, request.path))
        self.answered.append((request.path, response.status_code))
        return response

    def polls(self) -> list[int]:
        return [status for path, status in self.answered if path == "/styleguide/region"]


@pytest.fixture
def served() -> Iterator[Site]:
    app = a_site()
    with serving(app) as address:
        yield Site(app, address)


def tick(page: Page) -> None:
    """Let the page's clock beat once, and wait until the region has its answer."""
    with page.expect_response("**/styleguide/region"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('tick'))")


def open_list(view: View, served: Site) -> None:
    """Open the sample list and wait for the script that only lists need."""
    view.open(f"{served.address}/list")
    expect(view.page.locator("[data-selected-count]")).to_have_text("0 selected")


def test_htmx_is_the_version_that_these_pages_were_made_with(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    view.open(served.address)

    assert view.page.evaluate("htmx.version") == "4.0.1"


def test_a_refreshed_region_keeps_ticks_focus_and_what_was_opened(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    view.open(served.address)
    region = page.locator("#region")
    page.get_by_label("stays ticked").check()
    region.locator("summary").click()
    before = region.inner_text()

    tick(page)

    expect(region).not_to_have_text(before)
    expect(page.get_by_label("stays ticked")).to_be_checked()
    expect(region.get_by_text("As it was left.")).to_be_visible()
    expect(region.locator("summary")).to_be_focused()


def test_a_region_that_did_not_change_is_answered_with_304_and_left_alone(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    view.open(served.address)

    for _ in range(3):
        tick(view.page)

    # A minute may end in between, which changes the region once.
    assert served.polls()[0] == 200
    assert served.polls().count(304) >= 1
    expect(view.page.locator("#region")).to_contain_text("Drawn for the minute")


def test_the_clock_asks_by_itself_and_stops_while_live_is_paused(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    page.clock.install()
    view.open(served.address)

    with page.expect_response("**/styleguide/region"):
        page.clock.run_for(5_500)
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("button", name="Paused")).to_be_visible()
    polls = len(served.polls())
    page.clock.run_for(60_000)
    page.reload()
    page.clock.run_for(60_000)

    expect(page.get_by_role("button", name="Paused")).to_be_visible()
    assert len(served.polls()) == polls


def test_background_work_is_followed_to_its_end_and_no_further(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    view.open(served.address)
    job = page.locator("#replay-job")

    expect(job).to_contain_text("finished with failures", timeout=15_000)

    expect(job).to_contain_text("98 done")
    assert job.get_attribute("hx-get") is None
    asked = served.asked.count(("GET", "/styleguide/job"))
    tick(page)
    assert served.asked.count(("GET", "/styleguide/job")) == asked


def test_a_region_that_cannot_be_refreshed_keeps_its_content_and_says_since_when(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    view.expect_complaint("status of 500")
    view.expect_complaint("htmx:response:error")
    page = view.page
    view.open(served.address)
    broken = "**/styleguide/region"
    page.route(broken, lambda route: route.fulfill(status=500, body="<h1>whole page</h1>"))

    tick(page)

    expect(page.get_by_text("Not updated since")).to_be_visible()
    expect(page.locator("#region")).to_contain_text("Drawn for the minute")
    expect(page.locator("#region")).not_to_contain_text("whole page")
    page.unroute(broken)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("Not updated since")).to_have_count(0)


def test_a_session_that_ended_does_not_put_the_sign_in_page_into_a_region(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    view.open(served.address)

    def send_to_sign_in(route: Route) -> None:
        route.fulfill(status=302, headers={"Location": f"{served.address}/report"})

    page.route("**/styleguide/region", send_to_sign_in)
    page.evaluate("document.body.dispatchEvent(new CustomEvent('tick'))")

    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(page.locator("#region")).to_contain_text("Drawn for the minute")


def test_a_chosen_theme_is_there_before_the_page_is_painted_and_stays(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page(theme="light")
    page = view.page
    # Looks at the page as soon as there is a body, long before the other scripts run.
    page.add_init_script(
        "new MutationObserver((_, watch) => { if (document.body) { watch.disconnect();"
        " window.themeAtFirst = document.documentElement.dataset.bsTheme; } })"
        ".observe(document, { childList: true, subtree: true });"
    )
    view.open(served.address)

    page.get_by_label("Theme").click()
    page.get_by_role("button", name="Dark").click()
    page.reload()

    assert page.evaluate("window.themeAtFirst") == "dark"
    background = "e => getComputedStyle(e).backgroundColor"
    assert page.locator("body").evaluate(background) == "rgb(18, 24, 38)"
    page.get_by_label("Theme").click()
    view.assert_accessible()
    page.get_by_role("button", name="As the system").click()
    assert page.locator("body").evaluate(background) == "rgb(245, 247, 250)"


def test_times_are_told_in_the_same_words_by_page_and_script(
    chromium_page: ChromiumPage, served: Site
) -> None:
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    ages = [timedelta(seconds=s) for s in (0, 9, 10, 59, 60, 3599, 3600, 86_399, 86_400, 2_419_199)]
    moments = [now - age for age in ages] + [now + age for age in ages]
    view = chromium_page()
    view.open(served.address)
    script = next(url for url in view.requested if url.endswith("/live.js"))

    words = view.page.evaluate(
        "async ([script, now, moments]) => { const live = await import(script); "
        "return moments.map((moment) => live.relative(new Date(moment), new Date(now))); }",
        [script, now.isoformat(), [moment.isoformat() for moment in moments]],
    )

    assert words == [relative_time(moment, now) for moment in moments]


def test_hovering_over_a_time_tells_the_exact_one_in_the_zone_of_the_reader(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    view.open(served.address)
    shown = view.page.locator("time[data-relative]").first
    moment = datetime.fromisoformat(shown.get_attribute("datetime") or "")

    title = shown.get_attribute("title") or ""

    assert "UTC" not in title.replace("UTC+", "")
    assert f":{moment.minute:02d}:{moment.second:02d}" in title


def test_an_id_is_copied_whole_and_the_page_says_so(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view.open(served.address)

    page.get_by_role("button", name="Copy message id").click()

    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "0192f3c5-7a41-7c3e-9b1d-5f2f6a7c8d90"


def test_shift_click_ticks_a_range_and_the_head_ticks_the_page(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    open_list(view, served)
    boxes = page.locator(".row-select")
    head = page.get_by_label("Tick all rows of this page")

    boxes.nth(1).click()
    boxes.nth(4).click(modifiers=["Shift"])

    expect(page.get_by_text("4 selected")).to_be_visible()
    assert head.evaluate("box => box.indeterminate")
    view.assert_accessible()
    head.click()
    expect(page.get_by_text("7 selected")).to_be_visible()
    page.get_by_label("all 312 tickets that match").check()
    expect(page.get_by_text("312 selected")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".bulk-bar")).not_to_be_visible()
    expect(page.get_by_role("searchbox", name="Search tickets").last).to_be_visible()


def test_a_question_opens_as_a_dialog_over_the_list_with_the_ticked_rows(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    open_list(view, served)
    page.locator(".row-select").nth(0).click()
    page.locator(".row-select").nth(2).click()

    page.get_by_role("button", name="Cancel tickets").click()

    dialog = page.get_by_role("dialog", name="Delete 3 failed messages?")
    expect(dialog).to_contain_text("Chosen: 2.")
    view.assert_accessible()
    dialog.get_by_label("Type notifications to go on").fill("something else")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel tickets")).to_be_focused()
    assert page.url.endswith("/list")


def test_a_confirmed_dialog_sends_the_form_and_shows_what_came_of_it(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    view.open(served.address)

    page.get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type notifications to go on").fill("notifications")
    dialog.get_by_role("button", name="Delete").click()

    expect(page.get_by_text("Three messages are being replayed.")).to_be_visible()


def test_a_form_is_sent_once_and_its_button_says_what_is_going_on(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    view.open(f"{served.address}/report")
    page.get_by_label("E-mail address").fill("maria@example.com")
    page.get_by_label("Subject").fill("Invoice")
    page.get_by_label("What happened").fill("The total is wrong.")
    held: list[Route] = []
    page.route("**/styleguide/report", lambda route: held.append(route))

    button = page.get_by_role("button", name="Send report")
    busy = button.evaluate(
        "async (button) => { button.click(); button.click();"
        " await new Promise((later) => setTimeout(later, 20));"
        " return [button.textContent, button.disabled]; }"
    )

    assert busy == ["Sending…", True]
    assert len(held) == 1
    held[0].continue_()
    expect(page.get_by_text("Your report was received.")).to_be_visible()
    assert served.asked.count(("POST", "/styleguide/report")) == 1


def test_a_form_that_replaces_a_part_of_the_page_is_busy_until_the_part_is_there(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    view.open(served.address)
    held: list[Route] = []
    page.route("**/styleguide/region", lambda route: held.append(route))

    page.get_by_role("button", name="Refresh").click()

    expect(page.get_by_role("button", name="Refreshing…")).to_be_disabled()
    expect(page.locator("body.is-loading")).to_have_count(1)
    held[0].fulfill(status=200, body="<p>the new part</p>")
    expect(page.locator("#region")).to_have_text("the new part")
    expect(page.get_by_role("button", name="Refresh")).to_be_enabled()
    expect(page.locator("body.is-loading")).to_have_count(0)


def test_a_refused_form_leads_the_reader_to_each_problem(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    view.expect_complaint("status of 422")
    page = view.page
    view.open(f"{served.address}/report")

    page.get_by_role("button", name="Send report").click()

    expect(page.get_by_role("alert")).to_be_focused()
    view.assert_accessible()
    page.get_by_role("link", name="Subject: Say in a few words").click()
    expect(page.get_by_label("Subject")).to_be_focused()


def test_keys_search_walk_and_explain_themselves_until_they_are_switched_off(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    open_list(view, served)
    search = page.get_by_role("searchbox", name="Search tickets, messages, people")

    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Cannot sign in")).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type("a/b?x")
    expect(search).to_have_value("a/b?x")

    search.blur()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard")
    view.assert_accessible()
    keys.get_by_label("Single keys do something").uncheck()
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(search).not_to_be_focused()
    page.keyboard.press("Control+k")
    expect(search).to_be_focused()


def test_a_page_may_give_its_buttons_keys(chromium_page: ChromiumPage, served: Site) -> None:
    view = chromium_page()
    view.open(f"{served.address}/operations")

    view.page.keyboard.press("d")

    expect(view.page.get_by_role("dialog", name="Delete 3 failed messages?")).to_be_visible()


def test_a_person_is_picked_by_typing_and_sent_as_the_chosen_value(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    view.open(served.address)
    box = page.locator("input[role=combobox]")

    box.fill("ho")
    expect(page.get_by_role("option", name="Grace Hopper")).to_be_visible()
    view.assert_accessible()
    page.keyboard.press("Enter")

    expect(box).to_have_value("Grace Hopper")
    assert page.locator("select[name=assignee]").input_value() == "g2"
    box.fill("nobody of that name")
    expect(page.get_by_role("option", name="Nobody matches")).to_be_visible()
    assert not box.evaluate("box => box.checkValidity()")


def test_where_suggestions_cannot_be_fetched_the_options_of_the_page_still_work(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    view.expect_complaint("status of 503")
    page = view.page
    view.open(served.address)
    page.route("**/styleguide/people*", lambda route: route.fulfill(status=503))

    page.locator("input[role=combobox]").fill("kat")
    page.get_by_role("option", name="Kateryna Shevchenko").click()

    assert page.locator("select[name=assignee]").input_value() == "k3"


@pytest.mark.parametrize("opened", ["Menu", "Filters"])
def test_what_opens_on_a_narrow_screen_is_accessible_and_closes_by_escape(
    chromium_page: ChromiumPage, served: Site, opened: str
) -> None:
    view = chromium_page(width=360, theme="dark")
    view.open(f"{served.address}/list")
    sheet = view.page.locator("#navigation" if opened == "Menu" else "#filters")

    view.page.get_by_role("button", name=opened).click()

    expect(sheet).to_be_visible()
    view.assert_accessible()
    view.page.keyboard.press("Escape")
    expect(sheet).not_to_be_visible()


def test_the_menu_of_the_user_closes_when_one_looks_elsewhere(
    chromium_page: ChromiumPage, served: Site
) -> None:
    view = chromium_page()
    page = view.page
    view.open(served.address)
    sign_out = page.get_by_role("button", name="Sign out")

    page.get_by_text("Account of Olga Operator").locator("..").click()
    expect(sign_out).to_be_visible()
    view.assert_accessible()
    page.locator("h1").click()

    expect(sign_out).not_to_be_visible()


def test_compact_tables_are_remembered(chromium_page: ChromiumPage, served: Site) -> None:
    view = chromium_page()
    page = view.page
    view.open(f"{served.address}/list")
    row = "document.querySelector('tbody tr').getBoundingClientRect().height"
    usual = page.evaluate(row)

    page.get_by_text("Account of Olga Operator").locator("..").click()
    page.get_by_role("button", name="Compact tables").click()
    page.reload()

    assert page.evaluate(row) < usual


def test_a_server_may_send_a_toast_along(chromium_page: ChromiumPage, served: Site) -> None:
    view = chromium_page()
    page = view.page
    view.open(served.address)
    message = json.dumps({"toast": {"text": "Ticket <b>taken</b>", "meaning": "success"}})
    page.route(
        "**/styleguide/region",
        lambda route: route.fulfill(status=200, headers={"HX-Trigger": message}, body="<p>x</p>"),
    )

    tick(page)

    expect(page.get_by_text("Ticket <b>taken</b>")).to_be_visible()
