"""Whatever is sent wherever: no fault of ours, a clear answer, and no effect unless it was valid.

Routes come from the application's own map, forms and names of arguments from its pages, so that
nothing that is added later is left out.
"""

import json
from io import BytesIO
from urllib.parse import quote, urlencode, urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.app.security.forms_of_pages import TOKEN, PageForm, found_in
from tests.app.security.furnished_site import (
    CUSTOMER,
    EMPLOYEE,
    OPERATOR,
    Addresses,
    FurnishedSite,
    Route,
    form_token_for,
    routes,
)
from tests.app.security.hostile import FOR_DATABASES, KINDS, RAW
from tests.app.security.snapshots import Snapshot
from tests.app.security.test_role_table import EXPECTED

# Many requests each, and some of them hash passwords.
pytestmark = pytest.mark.timeout(300)

EVERY = tuple[FurnishedSite, Snapshot]
LOOKING = sorted(route for route in EXPECTED if route.startswith("GET "))
CHANGING = sorted(route for route in EXPECTED if route.startswith("POST "))
WITH_PLACES = sorted(route for route in EXPECTED if "<" in route)
MOST_IN_AN_ADDRESS = 1_500
CHOICE = {"ids", "everything"}
RIGHT = {
    "email": "maria@example.com",
    "name": "Maria",
    "subject": "Printer burns",
    "content": "Smoke.",
    "description": "Smoke.",
    "type": "task",
    "reason": "Because.",
    "password": "another good password",
    "current_password": "a good long password",
}

BODIES = [
    ("application/json", json.dumps({"email": "a@b.example", "reason": ["x"]}).encode()),
    ("application/json", b"{" * 5_000),
    ("text/plain", b"email=a@b.example&reason=x"),
    ("application/xml", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'),
    ("multipart/form-data", b"no boundary"),
    ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
    ("multipart/form-data; boundary=" + "x" * 500, b"--x--"),
    ("application/x-www-form-urlencoded; charset=utf-7", b"+ADw-script+AD4-=x"),
    ("application/x-www-form-urlencoded", b"\xff\xfe\x00=\x80"),
    ("application/x-www-form-urlencoded", b"&" * 5_000),
    ("\xff/;;", b"x"),
    ("", b"x"),
]
HEADERS = (
    "Accept", "Accept-Language", "Accept-Encoding", "Authorization", "Content-Type",
    "Content-Length", "Cookie", "Host", "HX-Request", "HX-Current-URL", "If-None-Match",
    "If-Modified-Since", "Origin", "Range", "Referer", "Sec-Fetch-Site", "User-Agent",
    "X-CSRFToken", "X-Forwarded-For", "X-Forwarded-Host", "X-Request-Id", "traceparent",
)  # fmt: skip
VALUES = (
    "", "text/html;q=nan", ";;;,,,===", "a/b;q=-1,*/*;q=9", "application/problem+json",
    "\xff\xfe", 'W/"x"', "bytes=9-1,2-", "1" * 3_000, "http://[::1", "Basic !!!", "<x-evil>",
    "true",
)  # fmt: skip

few = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


def is_clear(answer: TestResponse) -> bool:
    """Nothing broke, and an error says what it is, in the look of this site."""
    if answer.status_code >= 500:
        return False
    if answer.status_code < 400 or answer.request.method == "HEAD":
        return True
    told = ("<h1", "Request id", "application/problem+json")
    return any(one in f"{answer.content_type} {answer.text}" for one in told)


def is_harmless(answer: TestResponse) -> bool:
    return "<x-evil" not in answer.text and stays_here(answer)


def stays_here(answer: TestResponse) -> bool:
    """What was sent may be in the path of a redirect, as it was in the one that was asked for.
    Browsers read a backslash as a slash, and leave out line breaks and tabs."""
    location = answer.location
    if location is None:
        return True
    leads_to = urlsplit(urljoin(answer.request.url, location.replace("\\", "/")))
    asked = urlsplit(answer.request.url)
    return (
        (leads_to.scheme, leads_to.netloc) == (asked.scheme, asked.netloc)
        and "evil.example" not in leads_to.query + leads_to.fragment
        and not any(character <= " " for character in location)
    )


def texts_for(site: FurnishedSite) -> tuple[str, ...]:
    on_files = site.deployment.settings.database_url.startswith("sqlite")
    return KINDS if on_files else FOR_DATABASES


def route_of(site: FurnishedSite, name: str) -> Route:
    return next(route for route in routes(site) if str(route) == name)


def role_for(route: Route) -> str:
    """Somebody who gets in."""
    if route.endpoint.startswith("customer_service."):
        return CUSTOMER
    answers = EXPECTED[str(route)]
    return OPERATOR if answers[-1] in (200, 302, 303, 422) else EMPLOYEE


def form_of(site: FurnishedSite, name: str) -> PageForm:
    """As somebody who gets in is shown it."""
    endpoint = route_of(site, name).endpoint
    return next(form for form in found_in(site).forms if form.endpoint == endpoint)


def names_of(form: PageForm) -> list[str]:
    return [name for name in form.fields if name not in (TOKEN, "website")]


class Sender:
    """Sends one form again and again. What it did is undone, what it was refused did nothing."""

    def __init__(self, site: FurnishedSite, before: Snapshot, form: PageForm) -> None:
        self._site, self._before, self._form = site, before, form
        self._open()

    def _open(self) -> None:
        self._visitor = self._site.visitor_as(self._form.role)
        self._token = form_token_for(self._visitor)

    def send(self, fields: dict[str, object]) -> None:
        answer = self._visitor.client.post(self._form.address, data={TOKEN: self._token, **fields})
        assert is_clear(answer), (fields, answer.status_code)
        assert is_harmless(answer), fields
        if answer.status_code >= 400:
            assert self._before.changed() == [], fields
        else:
            self._before.restore()
            self._open()


def test_every_route_that_changes_something_has_a_form(site: FurnishedSite) -> None:
    """Otherwise the tests below would not try it."""
    changing = {route.endpoint for route in routes(site) if route.method != "GET"}

    assert {form.endpoint for form in found_in(site).forms} == changing


@pytest.mark.parametrize("name", LOOKING)
def test_arguments_of_addresses_may_be_anything(every_site: EVERY, name: str) -> None:
    site, before = every_site
    names = sorted(found_in(site).names | {"next", "step", "seen", "ids", "unknown"})
    route = route_of(site, name)
    visitor, address = site.visitor_as(role_for(route)), Addresses(site, role_for(route)).of(route)

    for text in texts_for(site):
        query = urlencode([(argument, text[:MOST_IN_AN_ADDRESS]) for argument in names])
        answer = visitor.get(f"{address}?{query}")
        assert is_clear(answer), (text, answer.status_code)
        assert is_harmless(answer), text
    for raw in RAW:
        query = "&".join(f"{argument}={raw.decode()}" for argument in names)
        assert is_clear(visitor.get(f"{address}?{query}&q=1&q=2")), raw

    assert before.changed() == []


@pytest.mark.parametrize("name", WITH_PLACES)
def test_places_in_addresses_may_hold_anything(every_site: EVERY, name: str) -> None:
    site, before = every_site
    route = route_of(site, name)
    visitor, addresses = site.visitor_as(role_for(route)), Addresses(site, role_for(route))
    form = {TOKEN: form_token_for(visitor)} if route.method == "POST" else None

    for place in route.arguments:
        value, usual = addresses.value(route.endpoint, place), addresses.of(route)
        hostile = [quote(text[:MOST_IN_AN_ADDRESS], safe="") for text in texts_for(site)]
        for text in [*hostile, "%FF%FE", "%ED%A0%80", "%zz"]:
            answer = visitor.client.open(usual.replace(value, text), method=route.method, data=form)
            assert is_clear(answer), (text, answer.status_code)
            assert is_harmless(answer), text

    assert before.changed() in ([], ["thicket.db/runtime_audit"], ['"runtime_audit"'])


@pytest.mark.parametrize("name", CHANGING)
def test_fields_may_hold_anything(every_site: EVERY, name: str) -> None:
    """All at once, and each alone: where the others are right, the wrong one gets further."""
    site, before = every_site
    form = form_of(site, name)
    sender, names = Sender(site, before, form), names_of(form)
    right = {**RIGHT, "employee_id": site.ada.employee_id}

    for text in texts_for(site) if names else ():
        sender.send(dict.fromkeys(names, text))
    for one in names if len(names) > 1 else ():
        filled = {other: right.get(other) or form.fields[other] for other in names}
        for text in texts_for(site):
            sender.send({**filled, one: text})


def test_who_chooses_nothing_that_there_is_changes_nothing(every_site: EVERY) -> None:
    """Where a form acts on chosen things, a choice that got lost must not be all of them."""
    site, before = every_site
    right = {**RIGHT, "employee_id": site.ada.employee_id}
    choosing = [form for form in found_in(site).forms if CHOICE & form.fields.keys()]
    assert {"backoffice.take_many", "operations.bulk"} <= {form.endpoint for form in choosing}

    for form in choosing:
        visitor = site.visitor_as(form.role)
        fields = {
            name: right.get(name) or form.fields[name]
            for name in names_of(form)
            if name not in CHOICE
        }
        token = form_token_for(visitor)
        for ids in ([], "", "\0", ["\0", "\0"], *texts_for(site)):
            sent = {TOKEN: token, **fields, "ids": ids}
            answer = visitor.client.post(form.address, data=sent)
            assert is_clear(answer), (str(form), ids, answer.status_code)
            assert before.changed() == [], (str(form), ids)


@pytest.mark.parametrize("name", CHANGING)
def test_files_and_repeated_fields_are_no_text(
    site: FurnishedSite, before: Snapshot, name: str
) -> None:
    form = form_of(site, name)
    names = names_of(form)
    sender = Sender(site, before, form)

    sender.send({one: (BytesIO(b"x" * 1000), "../x.sh") for one in names})
    sender.send({one: ["x", "y", "z"] for one in names})


@few
@given(text=st.text(max_size=400), name=st.sampled_from(["email", "subject", "content", "key"]))
def test_whatever_a_stranger_types_is_taken_or_refused(
    site: FurnishedSite, before: Snapshot, text: str, name: str
) -> None:
    typed = text.encode("utf-8", "replace").decode()
    right = {"email": "maria@example.com", "subject": "Printer", "content": "Smoke."}
    visitor = site.visitor()
    token = form_token_for(visitor)

    answers = [
        visitor.client.post("/issues", data={**right, name: typed, TOKEN: token}),
        visitor.client.post("/follow", data={"email": typed, TOKEN: token}),
        visitor.client.post("/password-reset", data={"email": typed, TOKEN: token}),
    ]

    assert all(answer.status_code in (303, 409, 422) for answer in answers)
    if answers[0].status_code == 303:
        page = visitor.get(answers[0].location or "")
        assert page.status_code == 200
        assert "<x-evil" not in page.text


@pytest.mark.parametrize("name", CHANGING)
def test_bodies_that_are_no_forms_change_nothing(
    site: FurnishedSite, before: Snapshot, name: str
) -> None:
    form = form_of(site, name)
    client = site.visitor_as(form.role).client

    for kind, body in BODIES:
        answer = client.post(form.address, data=body, content_type=kind)
        assert is_clear(answer), kind
        assert answer.status_code in (400, 413), (kind, answer.status_code)

    assert before.changed() == []


@pytest.mark.parametrize("name", CHANGING)
def test_too_much_of_anything_is_refused_unread(
    site: FurnishedSite, before: Snapshot, name: str
) -> None:
    form = form_of(site, name)
    visitor = site.visitor_as(form.role)
    most = site.deployment.settings.limits.request_bytes
    token = form_token_for(visitor)
    many = {TOKEN: token, **{f"f{number}": "x" for number in range(2_000)}}

    answers = [
        visitor.client.post(form.address, data={TOKEN: token, "reason": "x" * most}),
        visitor.client.post(form.address, data=many),
        visitor.client.post(form.address, data=many, content_type="multipart/form-data"),
    ]

    assert [answer.status_code for answer in answers] == [413, 413, 413]
    assert all(is_clear(answer) for answer in answers)
    assert before.changed() == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_change_nothing(site: FurnishedSite, before: Snapshot, method: str) -> None:
    for route in routes(site):
        role = role_for(route)
        client, address = site.visitor_as(role).client, Addresses(site, role).of(route)

        answer = client.open(address, method=method)

        assert is_clear(answer), (str(route), answer.status_code)
        if method not in ("HEAD", "OPTIONS"):
            assert answer.status_code in (400, 403, 405), (str(route), answer.status_code)
    assert before.changed() == []


def test_a_method_cannot_be_named_inside_of_a_request(
    site: FurnishedSite, before: Snapshot
) -> None:
    names = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
    for route in routes(site):
        if route.method == "POST":
            role = role_for(route)
            client, address = site.visitor_as(role).client, Addresses(site, role).of(route)
            client.get(f"{address}?_method=POST", headers=dict.fromkeys(names, "POST"))
    assert before.changed() == []


@pytest.mark.parametrize("address", ["/account", "/nowhere", "/operations/failed-messages/news"])
def test_headers_may_hold_anything(site: FurnishedSite, before: Snapshot, address: str) -> None:
    operator = site.visitor_as(OPERATOR)
    for name in HEADERS:
        for value in VALUES:
            # Signed in only where the cookie itself is not what is tried.
            visitor = site.visitor() if name == "Cookie" else operator
            answer = visitor.get(address, headers={name: value})
            assert is_clear(answer), (name, value, answer.status_code)
            assert is_harmless(answer), (name, value)
    assert before.changed() == []
