"""Who may do what at the desk. A route that is not listed here fails the last test."""

import pytest

from ports.backoffice.queries import EmployeeFacts
from tests.app.deployment_site import DeploymentSite, Visitor

STRANGERS, EMPLOYEES, OPERATORS = "strangers", "employees", "operators"
EVERYBODY = {EMPLOYEES, OPERATORS}

MAY = {
    "GET /backoffice/": EVERYBODY,
    "GET /backoffice/tickets": EVERYBODY,
    "GET /backoffice/people": EVERYBODY,
    "GET /backoffice/tickets/new": EVERYBODY,
    "POST /backoffice/tickets/new": EVERYBODY,
    "GET /backoffice/tickets/<uuid:ticket_id>": EVERYBODY,
    "GET /backoffice/tickets/<uuid:ticket_id>/history": EVERYBODY,
    "POST /backoffice/tickets/<uuid:ticket_id>/assign": EVERYBODY,
    "POST /backoffice/tickets/<uuid:ticket_id>/take": {EMPLOYEES},
    "POST /backoffice/tickets/<uuid:ticket_id>/resolve": {EMPLOYEES},
    "POST /backoffice/tickets/<uuid:ticket_id>/reopen": {EMPLOYEES},
    "GET /backoffice/tickets/<uuid:ticket_id>/cancel": {EMPLOYEES},
    "POST /backoffice/tickets/<uuid:ticket_id>/cancel": {EMPLOYEES},
    "POST /backoffice/tickets/bulk/take": {EMPLOYEES},
    "POST /backoffice/tickets/bulk/resolve": {EMPLOYEES},
    "POST /backoffice/tickets/bulk/resolve/confirm": {EMPLOYEES},
    "POST /backoffice/tickets/bulk/assign": EVERYBODY,
    "POST /backoffice/tickets/bulk/assign/confirm": EVERYBODY,
    "GET /backoffice/employees": {OPERATORS},
    "GET /backoffice/employees/new": {OPERATORS},
    "POST /backoffice/employees/new": {OPERATORS},
    "GET /backoffice/employees/<uuid:employee_id>": {OPERATORS},
    "GET /backoffice/employees/<uuid:employee_id>/deactivate": {OPERATORS},
    "POST /backoffice/employees/<uuid:employee_id>/activate": {OPERATORS},
    "POST /backoffice/employees/<uuid:employee_id>/deactivate": {OPERATORS},
    "POST /backoffice/employees/<uuid:employee_id>/invite": {OPERATORS},
}
# Nobody is led to a form there.
FOR_PROGRAMS = {"GET /backoffice/people"}


def ask(visitor: Visitor, route: str, ticket_id: str, employee_id: str, seen: str) -> int:
    method, address = route.split(" ")
    address = address.replace("<uuid:ticket_id>", ticket_id)
    address = address.replace("<uuid:employee_id>", employee_id)
    if method == "GET":
        return visitor.get(address).status_code
    return visitor.post(address, seen=seen, follow=False).status_code


@pytest.mark.parametrize("who", [STRANGERS, EMPLOYEES, OPERATORS])
def test_every_route_lets_in_whom_it_should(
    site: DeploymentSite, ada: EmployeeFacts, who: str
) -> None:
    ticket_id, bob = site.ticket(), site.employee("Bob")
    seen = "/sign-in" if who == STRANGERS else "/account"

    visitor = {
        STRANGERS: site.visitor,
        EMPLOYEES: lambda: site.signed_in(ada),
        OPERATORS: site.operator,
    }[who]()

    for route, allowed in MAY.items():
        status = ask(visitor, route, ticket_id, bob.employee_id, seen)

        if who in allowed:
            assert status in (200, 303, 422), (route, status)
        elif who == STRANGERS:
            assert status in ((401,) if route in FOR_PROGRAMS else (302, 303)), (route, status)
        else:
            assert status == 403, (route, status)


def test_whoever_is_turned_away_changed_nothing(site: DeploymentSite, ada: EmployeeFacts) -> None:
    ticket_id, bob = site.ticket(), site.employee("Bob", active=False)
    before = site.facts(ticket_id)
    operator, employee, stranger = site.operator(), site.signed_in(ada), site.visitor()

    for action in ("take", "resolve", "reopen", "cancel"):
        operator.post(f"/backoffice/tickets/{ticket_id}/{action}", {"reason": "x"}, follow=False)
    stranger.post(
        f"/backoffice/tickets/{ticket_id}/assign",
        {"employee_id": ada.employee_id},
        seen="/sign-in",
        follow=False,
    )
    employee.post(f"/backoffice/employees/{bob.employee_id}/activate", follow=False)

    assert site.facts(ticket_id) == before
    assert site.deployment.audit.newest(limit=5) == []


def test_every_route_of_the_desk_is_listed_here(site: DeploymentSite) -> None:
    routes = {
        f"{method} {route.rule}"
        for route in site.app.url_map.iter_rules()
        if route.endpoint.startswith("backoffice.")
        for method in (route.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert routes == set(MAY)
