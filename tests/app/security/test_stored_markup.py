"""What strangers wrote is text on every page that shows it, the console's and the mailbox's too."""

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.app.security.furnished_site import (
    CUSTOMER,
    EMPLOYEE,
    OPERATOR,
    Addresses,
    FurnishedSite,
    routes,
)
from tests.app.security.hostile import MARKUP

# Many requests each, and some of them hash passwords.
pytestmark = pytest.mark.timeout(300)

MAIL = "mailbox.mail_html"
RAW = "mailbox.mail_raw"


class Seen(HTMLParser):
    """Every element and attribute of a page, and the text between."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.text += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def marked(
    migrated_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FurnishedSite]:
    data = tmp_path_factory.mktemp("marked") / "data"
    shutil.copytree(migrated_files, data)
    made = FurnishedSite(data, text=MARKUP)
    yield made
    made.close()


def test_no_page_takes_what_is_stored_for_markup(marked: FurnishedSite) -> None:
    shown = []
    for role in (CUSTOMER, EMPLOYEE, OPERATOR):
        visitor, addresses = marked.visitor_as(role), Addresses(marked, role)
        pages = [
            (route.endpoint, addresses.of(route))
            for route in routes(marked)
            if route.method == "GET" and route.endpoint not in (MAIL, RAW)
        ]
        pages += [("all", "/operations/failed-messages?view=all")]
        pages += [("deleted", "/operations/failed-messages?view=deleted")]
        pages += [("gone", f"/operations/failed-messages/{marked.deleted_id}")]
        pages += [(tab, f"/mailbox/mail-1?tab={tab}") for tab in ("text", "headers", "raw")]
        for name, address in pages:
            answer = visitor.get(address)
            if "html" not in (answer.content_type or ""):
                continue
            seen = Seen()
            seen.feed(answer.text)
            assert "x-evil" not in seen.tags, (name, role)
            assert seen.handlers == [], (name, role)
            assert "49" not in [text.strip() for text in seen.text], (name, role)
            if any("<x-evil" in text for text in seen.text):
                shown.append(f"{role}: {name}")

    # Where it must be seen, or the sweep looked at the wrong pages.
    assert {
        "customer: customer_service.follow",
        "employee: backoffice.ticket",
        "employee: backoffice.tickets",
        "operator: backoffice.employees",
        "operator: mailbox.mail",
        "operator: mailbox.mail_list",
        "operator: raw",
        "operator: operations.consumers",
        "operator: operations.failed_message",
        "operator: operations.trace",
        "operator: operations.traces",
        "operator: operations.failed_messages",
        "operator: gone",
    } <= set(shown)


def test_a_mail_by_a_stranger_is_shown_where_it_can_do_nothing(marked: FurnishedSite) -> None:
    operator = marked.visitor_as(OPERATOR)

    document = operator.get("/mailbox/mail-1/html")
    frame = operator.get("/mailbox/mail-1?tab=html")

    policy = document.headers["Content-Security-Policy"]
    assert "<x-evil" in document.text
    assert "default-src 'none'" in policy
    assert policy.endswith("sandbox")
    assert re.search(r"<iframe [^>]*\ssandbox[ >]", frame.text)
    assert (
        operator.get("/mailbox/mail-1/raw").headers["Content-Disposition"].startswith("attachment")
    )
