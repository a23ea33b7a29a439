import re
from html import unescape

import pytest

from app.backoffice.colleagues import Colleagues
from domain.backoffice.employee.messages import ActivateEmployee, DeactivateEmployee
from domain.backoffice.ticket.messages import TakeTicket
from ports.backoffice.queries import (
    EmployeeDetails,
    EmployeeFacts,
    EmployeeStatus,
    ListEmployees,
)
from tests.app.deployment_site import OPERATOR, DeploymentSite, Visitor, hidden_value, text_of

EMPLOYEES = "/backoffice/employees"
NEW = f"{EMPLOYEES}/new"


def details(site: DeploymentSite, employee_id: str) -> EmployeeFacts | None:
    found: EmployeeFacts | None = site.desk.queries.ask(EmployeeDetails(employee_id=employee_id))
    return found


def actions(site: DeploymentSite) -> list[str]:
    return [entry.action for entry in site.deployment.audit.newest(limit=20)]


def test_a_registered_employee_is_inactive_at_first(
    site: DeploymentSite, operator: Visitor
) -> None:
    employee_id = hidden_value(operator.get(NEW).text, "employee_id")

    answer = operator.post(
        NEW, {"employee_id": employee_id, "name": " Grace  Hopper", "email": "Grace@Example.com"}
    )

    assert "The employee is registered." in text_of(answer.text)
    assert "Inactive" in text_of(answer.text)
    found = details(site, employee_id)
    assert found is not None
    assert (found.name, found.email) == ("Grace Hopper", "grace@example.com")
    assert found.status is EmployeeStatus.INACTIVE


def test_the_same_form_sent_twice_registers_one_employee(
    site: DeploymentSite, operator: Visitor
) -> None:
    form = {
        "employee_id": hidden_value(operator.get(NEW).text, "employee_id"),
        "name": "Grace",
        "email": "grace@example.com",
    }

    operator.post(NEW, form)
    again = operator.post(NEW, form)
    other = operator.post(NEW, {**form, "name": "Ada", "email": "ada@example.com"})

    assert again.status_code == 200
    assert other.status_code == 409
    assert "You sent this form before" in text_of(other.text)
    assert site.desk.queries.ask(ListEmployees()).total == 1
    assert actions(site) == ["employee.register"]


@pytest.mark.parametrize(
    ("field", "value", "status", "message"),
    [
        ("name", "", 422, "Enter the name."),
        ("name", "\x00", 422, "This field is empty."),
        ("name", "x" * 101, 422, "Keep it under 100 characters, please."),
        ("email", "", 422, "Enter the address to which the invitation goes."),
        ("email", "a b@example.com", 422, "This address cannot be written to"),
        ("email", "ADA@example.com", 409, "Another employee is registered with this address."),
        ("email", OPERATOR.upper(), 409, "An operator signs in with this address."),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    site: DeploymentSite,
    ada: EmployeeFacts,
    operator: Visitor,
    field: str,
    value: str,
    status: int,
    message: str,
) -> None:
    form = {
        "employee_id": site.deployment.identifiers.new(),
        "name": "Grace",
        "email": "grace@example.com",
    }

    answer = operator.post(NEW, {**form, field: value})

    assert answer.status_code == status
    assert f'id="{field}-error"' in answer.text
    assert message in text_of(answer.text)
    assert site.desk.queries.ask(ListEmployees()).total == 1


def test_activating_promises_an_invitation_and_is_recorded(
    site: DeploymentSite, operator: Visitor
) -> None:
    bob = site.employee("Bob", active=False)

    answer = operator.post(f"{EMPLOYEES}/{bob.employee_id}/activate")
    again = operator.post(f"{EMPLOYEES}/{bob.employee_id}/activate")

    text = text_of(answer.text)
    assert "Bob is active. An invitation is on its way to bob@example.com." in text
    assert again.status_code == 200
    assert actions(site) == ["employee.activate"]


def test_deactivating_shows_the_open_tickets_and_ends_sessions(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor, operator: Visitor
) -> None:
    ticket_id = site.ticket("Printer burns")
    site.desk.commands.send(TakeTicket(ticket_id=ticket_id, employee_id=ada.employee_id))
    site.catch_up()
    page = f"{EMPLOYEES}/{ada.employee_id}"

    asked = operator.get(f"{page}/deactivate").text
    question, (link,) = text_of(asked), re.findall(r'href="([^"]*state=assigned[^"]*)"', asked)
    linked = operator.get(unescape(link))
    answer = operator.post(f"{page}/deactivate")

    assert "Ada holds 1 open ticket." in question
    assert "Printer burns" in text_of(linked.text)
    assert "Ada is inactive and can no longer sign in." in text_of(answer.text)
    assert "1 open ticket should be given to somebody else." in text_of(answer.text)
    assert "Printer burns" in text_of(answer.text)
    assert employee.get("/backoffice/").location == "/sign-in?next=%2Fbackoffice%2F"
    assert actions(site) == ["employee.deactivate"]


def test_deactivating_twice_changes_nothing_more(
    site: DeploymentSite, ada: EmployeeFacts, operator: Visitor
) -> None:
    address = f"{EMPLOYEES}/{ada.employee_id}/deactivate"
    operator.post(address)
    first = details(site, ada.employee_id)

    again = operator.post(address)

    assert "Ada is inactive." in text_of(again.text)
    assert details(site, ada.employee_id) == first
    assert actions(site) == ["employee.deactivate"]


@pytest.mark.parametrize(
    ("action", "faster"), [("activate", ActivateEmployee), ("deactivate", DeactivateEmployee)]
)
def test_what_somebody_else_did_at_the_same_moment_is_not_done_again(
    site: DeploymentSite,
    operator: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    faster: type[ActivateEmployee] | type[DeactivateEmployee],
) -> None:
    bob = site.employee("Bob", active=action == "deactivate")
    address, find = f"{EMPLOYEES}/{bob.employee_id}/{action}", Colleagues.find

    def find_before_another(colleagues: Colleagues, employee_id: str) -> EmployeeFacts | None:
        found = find(colleagues, employee_id)
        site.desk.commands.send(faster(employee_id=employee_id))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Colleagues, "find", find_before_another)
        operator.post(address, follow=False)

    assert "Somebody else did this at the same moment." in text_of(operator.get(EMPLOYEES).text)
    assert actions(site) == []


def test_an_invitation_just_sent_is_not_sent_again(
    site: DeploymentSite, ada: EmployeeFacts, operator: Visitor
) -> None:
    answer = operator.post(f"{EMPLOYEES}/{ada.employee_id}/invite")

    assert "was asked for a moment ago" in text_of(answer.text)
    after = details(site, ada.employee_id)
    assert after is not None
    assert after.invited_at == ada.invited_at
    assert actions(site) == []


def test_somebody_inactive_is_not_invited(site: DeploymentSite, operator: Visitor) -> None:
    bob = site.employee("Bob", active=False)

    answer = operator.post(f"{EMPLOYEES}/{bob.employee_id}/invite")

    assert "Bob is not an active employee. Activate the record first." in text_of(answer.text)
    assert actions(site) == []


def test_whose_address_became_an_operators_is_not_activated(
    site: DeploymentSite, operator: Visitor
) -> None:
    bob = site.employee("Bob", active=False)
    site.deployment.add_operator("o-2", email="Bob@example.com", display_name="Bob")

    answer = operator.post(f"{EMPLOYEES}/{bob.employee_id}/activate")

    text = text_of(answer.text)
    assert "Bob cannot be invited: an operator signs in with bob@example.com." in text
    assert "Register the employee anew, with another address." in text
    assert details(site, bob.employee_id) == bob
    assert actions(site) == []


def test_an_invitation_that_cannot_be_accepted_is_not_sent_again(
    site: DeploymentSite, operator: Visitor
) -> None:
    bob = site.employee("Bob", active=False)
    site.desk.commands.send(ActivateEmployee(employee_id=bob.employee_id))
    before = details(site, bob.employee_id)
    site.deployment.add_operator("o-2", email="bob@example.com", display_name="Bob")

    answer = operator.post(f"{EMPLOYEES}/{bob.employee_id}/invite")

    assert "an operator signs in with bob@example.com" in text_of(answer.text)
    assert details(site, bob.employee_id) == before
    assert actions(site) == []


def test_the_list_is_searched_filtered_and_sorted_by_its_address(
    site: DeploymentSite, ada: EmployeeFacts, operator: Visitor
) -> None:
    site.employee("Bob", active=False)

    everybody = text_of(operator.get(f"{EMPLOYEES}?sort=name&direction=desc").text)
    found = text_of(operator.get(f"{EMPLOYEES}?q=BOB@").text)
    active = text_of(operator.get(f"{EMPLOYEES}?status=active").text)
    nobody = text_of(operator.get(f"{EMPLOYEES}?q=zebra").text)

    assert everybody.index("bob@example.com") < everybody.index("ada@example.com")
    assert "bob@example.com" in found
    assert "ada@example.com" not in found
    assert "ada@example.com" in active
    assert "bob@example.com" not in active
    assert "Nobody matches" in nobody


def test_without_anybody_the_list_says_how_to_begin(operator: Visitor) -> None:
    assert "Nobody works here yet" in text_of(operator.get(EMPLOYEES).text)


@pytest.mark.parametrize("path", ["", "/deactivate", "/activate", "/invite"])
def test_an_employee_who_does_not_exist_is_not_found(
    site: DeploymentSite, operator: Visitor, path: str
) -> None:
    address = f"{EMPLOYEES}/{site.deployment.identifiers.new()}{path}"

    answer = operator.get(address) if path == "" else operator.post(address)

    assert answer.status_code == 404
