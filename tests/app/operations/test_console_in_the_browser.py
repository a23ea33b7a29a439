"""The console as people see it: readable, reachable by keyboard, and usable without JavaScript."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ports.outbound.operations import Heartbeat
from ports.outbound.telemetry import SpanKind
from ports.outbound.traces import SpanRecord
from tests.app.identity.site import OPERATOR
from tests.app.mailbox.mails import a_mail
from tests.app.operations.site import PASSWORD, ConsoleSite, opened_site
from tests.suites.builders import a_delivery
from tests.suites.store_fixtures import committed
from tests.support.browser import ChromiumPage, Theme, View, serving
from tests.support.waiting import wait_until

pytestmark = pytest.mark.browser

TRACE = "0af7651916cd43dd8448eb211c80319c"
LIST = "/operations/failed-messages"
PAGES = (
    "/operations/",
    LIST,
    f"{LIST}?view=all",
    f"{LIST}?view=deleted",
    f"{LIST}/confirm/delete?everything=1&query=view%3Dall",
    "/operations/projections",
    "/operations/projections/post/parcels/rebuild",
    "/operations/channels",
    "/operations/consumers",
    "/operations/traces",
    f"/operations/traces/{TRACE}",
    "/mailbox",
    "/mailbox/mail-1?tab=text",
    "/mailbox/mail-1?tab=headers",
    "/mailbox/mail-1?tab=raw",
    "/mailbox/delete-all",
)


@pytest.fixture
def site(prepared: Path, tmp_path: Path) -> Iterator[ConsoleSite]:
    with opened_site(prepared, tmp_path, demo_fault=True) as site:
        site.let_fail(2)
        site.let_fail(1, context="customs")
        site.park_unreadable()
        site.heartbeats.beat(
            Heartbeat(
                process="worker-1",
                kind="worker",
                host="ash",
                pid=4711,
                channels=("post.mails",),
                started_at=site.clock.now(),
                seen_at=site.clock.now(),
                handling="mailroom.receipt",
                handling_since=site.clock.now(),
            )
        )
        site.traces.save(
            [
                SpanRecord(
                    trace_id=TRACE,
                    span_id=f"{number:016x}",
                    parent_id=f"{number - 1:016x}" if number > 1 else "",
                    name="Event Handler: Mailroom.mail_receipt",
                    kind=SpanKind.INTERNAL,
                    service=("web", "post")[number % 2],
                    started_at=site.clock.now(),
                    duration=site.console.now() - site.clock.now(),
                    failed=number == 3,
                    exception="post.Lost: gone" if number == 3 else "",
                    attributes={"message.correlation_id": "talk-1"},
                )
                for number in (1, 2, 3)
            ]
        )
        site.mails.keep(a_mail(1))
        yield site


def signed_in(view: View, address: str) -> View:
    view.open(f"{address}/sign-in?next=/operations/")
    view.page.fill("#email", OPERATOR)
    view.page.fill("#password", PASSWORD)
    with view.page.expect_navigation():
        view.page.click("main button[type=submit]")
    return view


def _next_row_has_the_focus(view: View) -> bool:
    # What listens to keys is fetched after the page.
    view.page.keyboard.press("j")
    return bool(view.page.evaluate("document.activeElement.matches('tbody .main-link')"))


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_every_page_is_readable_and_fits(
    site: ConsoleSite, chromium_page: ChromiumPage, theme: Theme, width: int
) -> None:
    failed = site.ids()[0]
    with serving(site.app) as address:
        view = signed_in(chromium_page(theme=theme, width=width), address)
        for path in (*PAGES, f"{LIST}/{failed}"):
            view.open(f"{address}{path}")

            view.assert_accessible()
            view.assert_fits_the_width()
            view.assert_quiet()


@pytest.mark.parametrize("width", [360, 620, 1280])
def test_no_tag_is_cut_off(site: ConsoleSite, chromium_page: ChromiumPage, width: int) -> None:
    sent = a_delivery(channel="post.letters-to-everybody-abroad")
    committed(site.post.store, lambda unit: unit.messages.add(sent))
    with serving(site.app) as address:
        view = signed_in(chromium_page(width=width), address)
        for path in (*PAGES, f"{LIST}/{site.ids()[0]}"):
            view.open(f"{address}{path}")

            assert view.page.evaluate(_CUT_OFF) == [], path
        view.open(f"{address}/operations/channels")

        assert view.page.get_by_text("removed: no endpoint declares it").is_visible()


# What a card or a cell hides of its content makes the page no wider.
_CUT_OFF = """
() => [...document.querySelectorAll('main .tag')].filter((tag) => {
  const cell = tag.closest('td, th, .card, main').getBoundingClientRect();
  return tag.getBoundingClientRect().right > cell.right + 1 || tag.scrollWidth > tag.clientWidth;
}).map((tag) => tag.textContent.trim())
"""


def test_the_html_of_a_mail_is_shown_in_its_frame(
    site: ConsoleSite, chromium_page: ChromiumPage
) -> None:
    with serving(site.app) as address:
        view = signed_in(chromium_page(), address)

        view.open(f"{address}/mailbox/mail-1")

        assert view.page.frame_locator("iframe.mail-frame").locator("p").inner_text() == "Follow it"


def test_a_message_is_found_opened_and_replayed_by_keyboard(
    site: ConsoleSite, chromium_page: ChromiumPage
) -> None:
    site.mend()
    with serving(site.app) as address:
        view = signed_in(chromium_page(), address)
        page = view.page
        view.open(f"{address}{LIST}?view=all&context=customs")

        wait_until(lambda: _next_row_has_the_focus(view), limit_s=5, what="the keys of the list")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        with page.expect_navigation():
            page.keyboard.press("r")
        wait_until(lambda: site.ids("customs") == [], limit_s=5, what="the replay")
        worker = threading.Thread(target=site.customs.work_off)
        worker.start()
        worker.join()

        page.get_by_text("was handled").wait_for()
        assert len(site.customs.mailroom.mailed) == 1


def test_everything_is_replayed_through_the_dialog(
    site: ConsoleSite, chromium_page: ChromiumPage
) -> None:
    site.mend()
    with serving(site.app) as address:
        view = signed_in(chromium_page(), address)
        page = view.page
        view.open(f"{address}{LIST}?view=all&context=customs")

        page.get_by_role("link", name="Replay it").click()
        page.locator("dialog[open] input[name=reason]").fill("the server is back")
        with page.expect_navigation():
            page.locator("dialog[open] button[type=submit]").click()
        page.get_by_text("Replaying 1 failed message of customs").wait_for()
        worker = threading.Thread(target=site.customs.work_off)
        worker.start()
        worker.join()

        page.get_by_text("finished", exact=True).wait_for()
        assert len(site.customs.mailroom.mailed) == 1


def test_replay_works_without_javascript(site: ConsoleSite, chromium_page: ChromiumPage) -> None:
    site.mend()
    with serving(site.app) as address:
        view = signed_in(chromium_page(javascript=False), address)
        page = view.page
        view.open(f"{address}{LIST}?view=all&context=customs")

        page.click("tbody .main-link")
        page.click('form[action$="/replay"] button')
        page.get_by_text("Replayed. What becomes of it is shown below.").wait_for()
        worker = threading.Thread(target=site.customs.work_off)
        worker.start()
        worker.join()
        page.reload()

        assert page.get_by_text("was handled").is_visible()


def test_ticked_rows_are_deleted_without_javascript(
    site: ConsoleSite, chromium_page: ChromiumPage
) -> None:
    with serving(site.app) as address:
        view = signed_in(chromium_page(javascript=False), address)
        page = view.page
        view.open(f"{address}{LIST}?view=all&context=customs")

        page.check(".row-select")
        page.get_by_role("button", name="Delete").click()
        page.fill("input[name=reason]", "a test mail")
        page.get_by_role("button", name="Delete").click()

        page.get_by_text("1 message deleted.").wait_for()
        assert site.ids("customs") == []


def test_nothing_is_asked_of_other_hosts_and_the_first_page_is_small(
    site: ConsoleSite, chromium_page: ChromiumPage
) -> None:
    with serving(site.app) as address:
        view = signed_in(chromium_page(), address)
        view.requested.clear()

        view.open(f"{address}/operations/")

        assert all(url.startswith(address) for url in view.requested)
        assert len(view.requested) <= 12
