"""Who gets what from every address: the table of roles, said once for each route.

A route that is not in the table fails the first test. The columns are those of ``ROLES``: stranger,
customer, employee, inactive employee, operator. ``IN`` leads to signing in; other numbers are the
status: 303 is a change that was made (or a question that had no object), 422 a form that was let in
and is not filled in.
"""

import pytest

from tests.app.security.furnished_site import (
    ROLES,
    Addresses,
    FurnishedSite,
    Route,
    form_token_for,
    routes,
)
from tests.app.security.snapshots import Snapshot

# Many requests each, and some of them hash passwords.
pytestmark = pytest.mark.timeout(300)

IN = "sign in"
Answer = int | str

EXPECTED: dict[str, tuple[Answer, ...]] = {
    "GET /": (200, 200, 200, 200, 200),
    "GET /account": (IN, IN, 200, IN, 200),
    "GET /backoffice/": (IN, IN, 200, IN, 200),
    "GET /backoffice/employees": (IN, IN, 403, IN, 200),
    "GET /backoffice/employees/<uuid:employee_id>": (IN, IN, 403, IN, 200),
    "GET /backoffice/employees/<uuid:employee_id>/deactivate": (IN, IN, 403, IN, 200),
    "GET /backoffice/employees/new": (IN, IN, 403, IN, 200),
    "GET /backoffice/people": (401, 401, 200, 401, 200),  # for programs
    "GET /backoffice/tickets": (IN, IN, 200, IN, 200),
    "GET /backoffice/tickets/<uuid:ticket_id>": (IN, IN, 200, IN, 200),
    "GET /backoffice/tickets/<uuid:ticket_id>/cancel": (IN, IN, 200, IN, 403),
    "GET /backoffice/tickets/<uuid:ticket_id>/history": (IN, IN, 200, IN, 200),
    "GET /backoffice/tickets/new": (IN, IN, 200, IN, 200),
    "GET /follow": (200, 200, 200, 200, 200),
    "GET /healthz/live": (200, 200, 200, 200, 200),
    "GET /healthz/ready": (200, 200, 200, 200, 200),
    "GET /invitation/<token>": (410, 410, 200, 410, 410),
    "GET /issues/<token>": (404, 200, 404, 404, 404),
    "GET /issues/<token>/close": (404, 200, 404, 404, 404),
    "GET /issues/<token>/progress": (404, 200, 404, 404, 404),
    "GET /mailbox": (IN, IN, 403, IN, 200),
    "GET /mailbox/<mail_id>": (IN, IN, 403, IN, 200),
    "GET /mailbox/<mail_id>/html": (IN, IN, 403, IN, 200),
    "GET /mailbox/<mail_id>/raw": (IN, IN, 403, IN, 200),
    "GET /mailbox/delete-all": (IN, IN, 403, IN, 200),
    "GET /metrics": (401, 401, 401, 401, 200),
    "GET /operations/": (IN, IN, 403, IN, 200),
    "GET /operations/channels": (IN, IN, 403, IN, 200),
    "GET /operations/channels/list": (IN, IN, 403, IN, 200),
    "GET /operations/consumers": (IN, IN, 403, IN, 200),
    "GET /operations/consumers/list": (IN, IN, 403, IN, 200),
    "GET /operations/failed-messages": (IN, IN, 403, IN, 200),
    "GET /operations/failed-messages/<failed_message_id>": (IN, IN, 403, IN, 200),
    "GET /operations/failed-messages/<failed_message_id>/delete": (IN, IN, 403, IN, 200),
    "GET /operations/failed-messages/<failed_message_id>/history": (IN, IN, 403, IN, 200),
    "GET /operations/failed-messages/confirm/<action>": (IN, IN, 403, IN, 303),
    "GET /operations/failed-messages/news": (IN, IN, 403, IN, 200),
    "GET /operations/figures": (IN, IN, 403, IN, 200),
    "GET /operations/jobs/<job_id>": (IN, IN, 403, IN, 200),
    "GET /operations/projections": (IN, IN, 403, IN, 200),
    "GET /operations/projections/<context>/<name>/<action>": (IN, IN, 403, IN, 200),
    "GET /operations/projections/list": (IN, IN, 403, IN, 200),
    "GET /operations/traces": (IN, IN, 403, IN, 200),
    "GET /operations/traces/<trace_id>": (IN, IN, 403, IN, 200),
    "GET /password-reset": (200, 200, 200, 200, 200),
    "GET /password-reset/<token>": (410, 410, 200, 410, 410),
    "GET /password-reset/sent": (200, 200, 200, 200, 200),
    "GET /sign-in": (200, 200, 302, 200, 302),
    "GET /static/<version>/<path:name>": (200, 200, 200, 200, 200),
    "GET /styleguide": (200, 200, 200, 200, 200),
    "GET /styleguide/confirm": (200, 200, 200, 200, 200),
    "GET /styleguide/follow": (200, 200, 200, 200, 200),
    "GET /styleguide/job": (200, 200, 200, 200, 200),
    "GET /styleguide/list": (200, 200, 200, 200, 200),
    "GET /styleguide/operations": (200, 200, 200, 200, 200),
    "GET /styleguide/people": (200, 200, 200, 200, 200),
    "GET /styleguide/region": (200, 200, 200, 200, 200),
    "GET /styleguide/report": (200, 200, 200, 200, 200),
    "POST /account/password": (IN, IN, 422, IN, 422),
    "POST /account/sessions/<session_id>/end": (IN, IN, 303, IN, 303),
    "POST /account/sign-out-everywhere": (IN, IN, IN, IN, IN),
    "POST /backoffice/employees/<uuid:employee_id>/activate": (IN, IN, 403, IN, 303),
    "POST /backoffice/employees/<uuid:employee_id>/deactivate": (IN, IN, 403, IN, 303),
    "POST /backoffice/employees/<uuid:employee_id>/invite": (IN, IN, 403, IN, 303),
    "POST /backoffice/employees/new": (IN, IN, 403, IN, 422),
    "POST /backoffice/tickets/<uuid:ticket_id>/assign": (IN, IN, 422, IN, 422),
    "POST /backoffice/tickets/<uuid:ticket_id>/cancel": (IN, IN, 422, IN, 403),
    "POST /backoffice/tickets/<uuid:ticket_id>/reopen": (IN, IN, 303, IN, 403),
    "POST /backoffice/tickets/<uuid:ticket_id>/resolve": (IN, IN, 303, IN, 403),
    "POST /backoffice/tickets/<uuid:ticket_id>/take": (IN, IN, 303, IN, 403),
    "POST /backoffice/tickets/bulk/assign": (IN, IN, 303, IN, 303),
    "POST /backoffice/tickets/bulk/assign/confirm": (IN, IN, 303, IN, 303),
    "POST /backoffice/tickets/bulk/resolve": (IN, IN, 303, IN, 403),
    "POST /backoffice/tickets/bulk/resolve/confirm": (IN, IN, 303, IN, 403),
    "POST /backoffice/tickets/bulk/take": (IN, IN, 303, IN, 403),
    "POST /backoffice/tickets/new": (IN, IN, 422, IN, 422),
    "POST /follow": (422, 422, 422, 422, 422),
    "POST /invitation/<token>": (410, 410, 422, 410, 410),
    "POST /issues": (422, 422, 422, 422, 422),
    "POST /issues/<token>/close": (404, 303, 404, 404, 404),
    "POST /mailbox/<mail_id>/delete": (IN, IN, 403, IN, 303),
    "POST /mailbox/delete-all": (IN, IN, 403, IN, 303),
    "POST /operations/failed-messages/<failed_message_id>/delete": (IN, IN, 403, IN, 422),
    "POST /operations/failed-messages/<failed_message_id>/replay": (IN, IN, 403, IN, 303),
    "POST /operations/failed-messages/<failed_message_id>/restore": (IN, IN, 403, IN, 303),
    "POST /operations/failed-messages/bulk/<action>": (IN, IN, 403, IN, 303),
    "POST /operations/failed-messages/confirm/<action>": (IN, IN, 403, IN, 303),
    "POST /operations/jobs/<job_id>/stop": (IN, IN, 403, IN, 303),
    "POST /operations/projections/<context>/<name>/<action>": (IN, IN, 403, IN, 303),
    "POST /password-reset": (422, 422, 422, 422, 422),
    "POST /password-reset/<token>": (410, 410, 422, 410, 410),
    "POST /sign-in": (422, 422, 422, 422, 422),
    "POST /sign-out": (IN, IN, IN, IN, IN),
    "POST /styleguide/confirm": (200, 200, 200, 200, 200),
    "POST /styleguide/confirmed": (302, 302, 302, 302, 302),
    "POST /styleguide/report": (422, 422, 422, 422, 422),
}
# Whoever ends a session is led to signing in because it was done.
ENDING_SESSIONS = ("identity.sign_out_everywhere", "identity.choose_password")


def ask(site: FurnishedSite, route: Route, role: str) -> Answer:
    """As this visitor; where a form is sent, it is empty."""
    visitor, address = site.visitor_as(role), Addresses(site, role).of(route)
    if route.method == "GET":
        answer = visitor.get(address)
    else:
        form = {"csrf_token": form_token_for(visitor)}
        answer = visitor.client.open(address, method=route.method, data=form)
    leads_to = answer.location or ""
    return IN if leads_to.partition("?")[0] == "/sign-in" else answer.status_code


def test_every_route_has_an_expected_answer_for_every_role(site: FurnishedSite) -> None:
    assert [str(route) for route in routes(site)] == sorted(EXPECTED)
    assert {len(answers) for answers in EXPECTED.values()} == {len(ROLES)}


@pytest.mark.parametrize("route", sorted(EXPECTED))
def test_each_role_gets_what_the_table_says(
    site: FurnishedSite, before: Snapshot, route: str
) -> None:
    [asked] = [one for one in routes(site) if str(one) == route]
    found = []

    for role in ROLES:
        answer = ask(site, asked, role)
        found.append(answer)
        if answer in (IN, 401, 403, 404, 410, 422) and asked.endpoint not in ENDING_SESSIONS:
            assert before.changed() == [], (route, role)
        before.restore()

    assert dict(zip(ROLES, found, strict=True)) == dict(zip(ROLES, EXPECTED[route], strict=True))
