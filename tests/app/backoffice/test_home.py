from domain.backoffice.ticket.messages import TakeTicket
from ports.backoffice.queries import EmployeeFacts
from tests.app.deployment_site import DeploymentSite, Visitor, text_of


def test_an_employee_sees_own_tickets_and_those_that_wait(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor
) -> None:
    mine, waiting = site.ticket("Printer burns"), site.ticket("Screen flickers")
    site.desk.commands.send(TakeTicket(ticket_id=mine, employee_id=ada.employee_id))
    site.catch_up()

    text = text_of(employee.get("/backoffice/").text)

    assert "Hello Ada" in text
    assert "My open tickets 1" in text
    assert "Unassigned look at this 1" in text or "Unassigned 1" in text
    assert text.index("Waiting longest") < text.index("Screen flickers")
    assert text.index("My tickets") < text.index("Printer burns")
    assert waiting in employee.get("/backoffice/").text


def test_a_waiting_ticket_is_taken_from_home(site: DeploymentSite, employee: Visitor) -> None:
    ticket_id = site.ticket()
    site.catch_up()
    assert f'action="/backoffice/tickets/{ticket_id}/take"' in employee.get("/backoffice/").text

    answer = employee.post(f"/backoffice/tickets/{ticket_id}/take")

    assert "The ticket is yours." in text_of(answer.text)


def test_an_operator_sees_what_moved_last_and_is_offered_nothing_to_take(
    site: DeploymentSite, operator: Visitor
) -> None:
    site.ticket("Printer burns")
    site.catch_up()

    answer = operator.get("/backoffice/")

    assert "Changed last" in text_of(answer.text)
    assert "My open tickets" not in text_of(answer.text)
    assert "/take" not in answer.text


def test_an_empty_desk_says_that_nothing_waits(employee: Visitor) -> None:
    text = text_of(employee.get("/backoffice/").text)

    assert "Every ticket has somebody who works on it." in text
    assert "Nothing on your desk" in text


def test_a_desk_whose_lists_lag_says_so(site: DeploymentSite, employee: Visitor) -> None:
    site.ticket()

    assert "This page is catching up: 1 event behind." in text_of(employee.get("/backoffice/").text)

    site.catch_up()
    assert "catching up" not in text_of(employee.get("/backoffice/").text)
