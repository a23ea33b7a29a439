"""Whatever is sent: no fault of ours, and no effect."""

import pytest

from ports.backoffice.queries import EmployeeFacts, ListEmployees, ListTickets, TicketHistory
from tests.app.deployment_site import DeploymentSite, Visitor

NASTY = (
    "\x00",
    "\ud800".encode("utf-16-le", "surrogatepass").decode("latin-1"),
    "' OR 1=1 --",
    "{{ 7 * 7 }}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "0" * 100_000,
    "\u202e\u0000\u200b",
    "-1",
    "\r\nSet-Cookie: a=b",
)
TICKET_ACTIONS = ("take", "assign", "resolve", "reopen", "cancel")


def test_lists_take_any_argument(
    site: DeploymentSite, employee: Visitor, operator: Visitor
) -> None:
    site.ticket()
    site.catch_up()
    names = ("view", "q", "state", "type", "assignee", "sort", "direction", "page", "size", "other")

    for text in NASTY:
        arguments = dict.fromkeys(names, text[:2_000])
        for visitor, address in (
            (employee, "/backoffice/tickets"),
            (operator, "/backoffice/employees"),
            (employee, "/backoffice/people"),
        ):
            answer = visitor.client.get(address, query_string=arguments)
            assert answer.status_code == 200, (address, text)
            assert "<script>alert" not in answer.text


def test_forms_refuse_or_clean_what_nobody_would_type(
    site: DeploymentSite, employee: Visitor, operator: Visitor
) -> None:
    ticket_id = site.ticket()
    page = f"/backoffice/tickets/{ticket_id}"

    for text in NASTY:
        prepared = {"ticket_id": text, "type": text, "subject": text, "description": text}
        answers = [
            operator.post(f"{page}/assign", {"employee_id": text}),
            employee.post("/backoffice/tickets/new", {**prepared, "email": text}),
            operator.post(
                "/backoffice/employees/new", {"employee_id": text, "name": text, "email": text}
            ),
        ]
        assert [answer.status_code for answer in answers] == [422, 422, 422], text
        assert all("<script>alert" not in answer.text for answer in answers)

    site.catch_up()
    assert len(site.desk.queries.ask(TicketHistory(ticket_id=ticket_id))) == 1
    assert site.desk.queries.ask(ListTickets()).total == 1
    assert site.desk.queries.ask(ListEmployees()).total == 1


@pytest.mark.parametrize("field", ["ticket_id", "employee_id"])
def test_an_identifier_in_another_spelling_is_none(
    site: DeploymentSite, operator: Visitor, field: str
) -> None:
    shouting = site.deployment.identifiers.new().upper()

    if field == "employee_id":
        ticket_id = site.ticket()
        answer = operator.post(f"/backoffice/tickets/{ticket_id}/assign", {"employee_id": shouting})
        assert answer.status_code == 422
    else:
        answer = operator.post(
            "/backoffice/tickets/new",
            {"ticket_id": shouting, "type": "task", "subject": "x", "description": "y"},
        )
        site.catch_up()
        [row] = site.desk.queries.ask(ListTickets()).rows
        assert row.ticket_id != shouting.lower()


@pytest.mark.parametrize(
    "path", ["x", "%00", "0" * 400, "..%2f..%2fetc", "00000000-0000-0000-0000-00000000000g"]
)
def test_addresses_that_hold_no_identifier_lead_nowhere(employee: Visitor, path: str) -> None:
    assert employee.get(f"/backoffice/tickets/{path}").status_code == 404
    assert employee.post(f"/backoffice/tickets/{path}/take").status_code == 404


@pytest.mark.parametrize("action", TICKET_ACTIONS)
def test_no_ticket_changes_by_looking_nor_without_the_token_of_a_form(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor, action: str
) -> None:
    ticket_id = site.ticket()
    address = f"/backoffice/tickets/{ticket_id}/{action}"
    form = {"reason": "x", "employee_id": ada.employee_id}

    looked = employee.get(address)
    forged = employee.client.post(address, data=form)

    assert looked.status_code == (200 if action == "cancel" else 405)
    assert forged.status_code == 400
    assert len(site.desk.queries.ask(TicketHistory(ticket_id=ticket_id))) == 1
