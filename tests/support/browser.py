"""A real Chromium for tests of pages.

    pytestmark = pytest.mark.browser

    def test_the_list_is_readable_in_the_dark(chromium_page: ChromiumPage) -> None:
        with serving(create_app()) as address:
            view = chromium_page(theme="dark", width=360)
            view.open(f"{address}/tickets")

            view.assert_accessible()
            view.assert_fits_the_width()

Whatever the browser complains about (console errors and warnings, violated content security policy,
exceptions in scripts, requests to another host) fails the test when it ends, unless the test
named it with :meth:`View.expect_complaint`.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, sync_playwright
from werkzeug.serving import make_server

CHROMIUM = "THICKET_TEST_CHROMIUM"
_LAUNCH_ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
_TIMEOUT_MS = 10_000

Theme = Literal["light", "dark"]


@dataclass(kw_only=True)
class View:
    """One tab with a session of its own; ``page`` is Playwright's."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    _expected: list[str] = field(default_factory=list)

    def open(self, url: str) -> None:
        """Go to ``url`` and wait until its files and first fragments are there."""
        self.page.goto(url, wait_until="load")

    def expect_complaint(self, part: str) -> None:
        """Allow complaints that contain ``part``, such as ``"status of 404"`` for an error page."""
        self._expected.append(part)

    def unexpected_complaints(self) -> list[str]:
        return [
            complaint
            for complaint in self.complaints
            if not any(part in complaint for part in self._expected)
        ]

    def assert_quiet(self) -> None:
        """The browser had nothing to complain about so far; also checked when the test ends."""
        assert self.unexpected_complaints() == []

    def assert_accessible(self) -> None:
        """axe finds no violation in the page as it is shown now; closed dialogs are not seen."""
        assert_accessible(self.page)

    def assert_fits_the_width(self) -> None:
        """Nothing runs off the right edge, so nobody has to scroll sideways."""
        culprits = self.page.evaluate(_WIDER_THAN_THE_WINDOW)
        assert culprits == []

    def picture(self, path: Path | str, *, full_page: bool = True) -> None:
        self.page.screenshot(path=path, full_page=full_page)


class ChromiumPage:
    """Makes views; every one is closed and checked at the end of the test."""

    def __init__(self, browser: Browser, stack: ExitStack) -> None:
        self._browser = browser
        self._stack = stack
        self._views: list[View] = []

    def __call__(
        self,
        *,
        theme: Theme = "light",
        width: int = 1280,
        height: int = 900,
        javascript: bool = True,
        reduced_motion: bool = True,
        hosts: tuple[str, ...] = ("127.0.0.1", "localhost"),
    ) -> View:
        """A new tab without cookies.

        ``theme`` is what the visitor's system prefers. Requests to a host outside of ``hosts``
        never leave the machine and count as a complaint. Animations are off unless
        ``reduced_motion`` is false, so that pictures and colours are measured at rest.
        """
        context = self._browser.new_context(
            color_scheme=theme,
            viewport={"width": width, "height": height},
            java_script_enabled=javascript,
            reduced_motion="reduce" if reduced_motion else "no-preference",
            locale="en-GB",
            timezone_id="Europe/Berlin",
        )
        self._stack.callback(context.close)
        context.set_default_timeout(_TIMEOUT_MS)
        page = context.new_page()
        view = View(page=page)
        self._views.append(view)

        def heard(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                view.complaints.append(f"console {message.type}: {message.text}")

        def asked(route: Route, request: Request) -> None:
            view.requested.append(request.url)
            parts = urlsplit(request.url)
            if parts.scheme in ("http", "https") and parts.hostname not in hosts:
                view.complaints.append(f"request to another host: {request.url}")
                route.abort()
            else:
                route.continue_()

        page.on("console", heard)
        page.on("pageerror", lambda error: view.complaints.append(f"exception: {error}"))
        context.route("**/*", asked)
        return view

    def assert_all_quiet(self) -> None:
        for view in self._views:
            view.assert_quiet()


def assert_accessible(page: Page) -> None:
    """axe finds no violation of WCAG 2.2 A and AA nor of its best practices."""
    results: dict[str, Any] = (
        Axe()
        .run(
            # Without preloading: axe would fetch imported style sheets, from the wrong address.
            page,
            options={"resultTypes": ["violations"], "preload": False},
        )
        .response
    )
    found = [
        f"{violation['id']} ({violation['help']}): {node['html']} {node.get('failureSummary', '')}"
        for violation in results["violations"]
        for node in violation["nodes"]
    ]
    assert not found, "\n".join(found)


@contextmanager
def serving(application: WSGIApplication) -> Iterator[str]:
    """Serve the application on a free loopback port; yields its address without a final slash."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="pages under test", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a test module.

    Not for the whole session: while it runs, Playwright keeps an event loop in the main thread,
    in which other tests could not start their own.
    """
    program = os.environ.get(CHROMIUM) or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        _missing()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=list(_LAUNCH_ARGUMENTS), headless=True
        )
        yield browser
        browser.close()


@pytest.fixture
def chromium_page(chromium: Browser) -> Iterator[ChromiumPage]:
    """Call it for a tab; see :class:`ChromiumPage` for what can be chosen."""
    with ExitStack() as stack:
        pages = ChromiumPage(chromium, stack)
        yield pages
        pages.assert_all_quiet()


def _missing() -> NoReturn:
    text = f"no Chromium was found (looked for chromium on the path; name another with {CHROMIUM})"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


# What sits inside a box that scrolls by itself may be wider than the window.
_WIDER_THAN_THE_WINDOW = """
() => {
  const limit = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= limit) return [];
  const scrolls = (element) => {
    for (let box = element.parentElement; box && box !== document.body; box = box.parentElement) {
      const overflow = getComputedStyle(box).overflowX;
      if (['auto', 'scroll', 'hidden', 'clip'].includes(overflow)) return true;
    }
    return false;
  };
  const wide = [...document.body.querySelectorAll('*')].filter(
    (element) => element.getBoundingClientRect().right > limit + 1 && !scrolls(element));
  return [`page is ${document.documentElement.scrollWidth} px wide`,
          ...wide.slice(0, 10).map((element) => element.outerHTML.slice(0, 160))];
}
"""
