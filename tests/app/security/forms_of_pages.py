"""Every form that the pages of a site hold, and every name in their addresses: read from the pages
themselves, so that a new one is found without being told of."""

from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

from werkzeug.exceptions import MethodNotAllowed
from werkzeug.test import TestResponse

from tests.app.security.furnished_site import (
    CUSTOMER,
    EMPLOYEE,
    OPERATOR,
    Addresses,
    FurnishedSite,
    routes,
)

TOKEN = "csrf_token"
# Where each finds forms that the others do not have, by the beginning of the endpoint's name.
_PAGES: dict[str, tuple[str, ...]] = {
    CUSTOMER: ("customer_service.", "identity."),
    EMPLOYEE: ("backoffice.ticket", "backoffice.confirm_cancel", "identity."),
    OPERATOR: ("backoffice.", "identity.account", "mailbox.", "operations.", "styleguide."),
}


# What is asked about several tickets is too much for an address: the question is a form, too.
_QUESTIONS = ("backoffice.confirm_assign_many", "backoffice.confirm_resolve_many")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageForm:
    """A form that changes something, as the page at ``page`` has it."""

    endpoint: str
    address: str
    role: str  # who was shown it
    page: str
    fields: dict[str, str]  # as they were filled in

    def __str__(self) -> str:
        return f"{self.role}: {self.endpoint}"


@dataclass(slots=True)
class Found:
    forms: list[PageForm] = field(default_factory=list)
    names: set[str] = field(default_factory=set)  # of arguments in addresses of links and forms


@cache
def found_in(site: FurnishedSite) -> Found:
    """Read once for each site, since nothing that a test changes lasts."""
    found = Found()
    for role in _PAGES:
        visitor, addresses = site.visitor_as(role), Addresses(site, role)
        pages = [
            addresses.of(route)
            for route in routes(site)
            if route.method == "GET" and route.endpoint.startswith(_PAGES[role])
        ]
        for page in [*pages, *_in_other_states(site, role)]:
            for form in _read(site, role, page, visitor.get(page), found):
                if form.endpoint in _QUESTIONS:
                    # Its answer is a page with the form that does what was asked about.
                    asked = visitor.client.post(form.address, data=form.fields)
                    assert _read(site, role, form.address, asked, found), form
    return found


def _read(
    site: FurnishedSite, role: str, page: str, answer: TestResponse, found: Found
) -> list[PageForm]:
    """The forms of the page that this role was not shown before."""
    if answer.status_code != 200 or "html" not in (answer.content_type or ""):
        return []
    reader, new = _Reader(), []
    reader.feed(answer.text)
    adapter = site.app.url_map.bind("localhost")
    for method, action, fields in reader.forms:
        address = action or page
        found.names |= {name for name, _ in parse_qsl(urlsplit(address).query, True)}
        if method != "post":
            found.names |= set(fields)
            continue
        try:
            endpoint, _ = adapter.match(urlsplit(address).path, method="POST")
        except MethodNotAllowed:
            continue  # its buttons lead elsewhere
        form = PageForm(endpoint=endpoint, address=address, role=role, page=page, fields=fields)
        if all(str(form) != str(known) for known in found.forms):
            found.forms.append(form)
            new.append(form)
    for link in reader.links:
        found.names |= {name for name, _ in parse_qsl(urlsplit(link).query, True)}
    return new


def _in_other_states(site: FurnishedSite, role: str) -> list[str]:
    """Addresses at which there is something else to do than at those of the table of routes."""
    if role == EMPLOYEE:
        others = [f"/backoffice/tickets/{found}" for found in (site.taken_id, site.resolved_id)]
        return [*others, "/backoffice/tickets?view=all", "/backoffice/tickets?view=unassigned"]
    if role == CUSTOMER:
        return []
    return [
        f"/backoffice/employees/{site.named.employee_id}",
        f"/operations/failed-messages/{site.deleted_id}",
        "/operations/failed-messages?view=all",
        "/operations/failed-messages?view=deleted",
        "/operations/failed-messages/confirm/delete?everything=1",
        "/operations/projections/backoffice/unassigned_tickets/rebuild",
    ]


class _Reader(HTMLParser):
    """A submit button may send its form elsewhere: that is a form of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, str, dict[str, str]]] = []
        self.links: list[str] = []
        self._by_id: dict[str, dict[str, str]] = {}
        self._fields: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given.get("href", ""))
        if tag == "form":
            self._fields = self._by_id.setdefault(given.get("id", ""), {})
            if not given.get("id"):
                self._fields = {}
            self.forms.append(
                (given.get("method", "get").lower(), given.get("action", ""), self._fields)
            )
        fields = self._by_id.setdefault(given["form"], {}) if "form" in given else self._fields
        if fields is None:
            return
        if "formaction" in given:
            method = given.get("formmethod", "post").lower()
            self.forms.append((method, given["formaction"], fields))
        if tag in ("input", "select", "textarea", "button") and given.get("name"):
            fields.setdefault(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._fields = None
