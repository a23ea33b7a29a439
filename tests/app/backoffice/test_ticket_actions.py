import pytest

from domain.backoffice.employee.messages import DeactivateEmployee
from domain.backoffice.ticket.messages import AssignTicket, CancelTicket, ResolveTicket, TakeTicket
from ports.backoffice.queries import EmployeeFacts, TicketHistory, TicketState
from ports.contracts.backoffice import PrepareTicket
from ports.errors import ConcurrencyConflict
from ports.headers import ACTOR
from tests.app.deployment_site import DeploymentSite, Visitor, text_of


def happened(site: DeploymentSite, ticket_id: str) -> list[str]:
    history = site.desk.queries.ask(TicketHistory(ticket_id=ticket_id))
    return [entry.kind.value for entry in history]


def test_the_page_of_a_ticket_shows_everything_about_it(
    site: DeploymentSite, employee: Visitor
) -> None:
    ticket_id = site.ticket(
        "Printer burns",
        customer_email="maria@example.com",
        reference="issue-4711",
        issue_number=1007,
    )

    text = text_of(employee.get(f"/backoffice/tickets/{ticket_id}").text)

    for part in ("Printer burns", "Smoke comes out", "maria@example.com", "issue-4711"):
        assert part in text
    assert "Ticket T-1001 Issue #1007 prepared" in text
    assert "#1001" not in text
    assert "prepared the ticket" in text


def test_taking_resolving_and_reopening_tell_who_did_it(
    site: DeploymentSite, employee: Visitor
) -> None:
    ticket_id = site.ticket()
    page = f"/backoffice/tickets/{ticket_id}"

    employee.post(f"{page}/take")
    employee.post(f"{page}/resolve")
    answer = employee.post(f"{page}/reopen")

    text = text_of(answer.text)
    assert "Ada took the ticket" in text
    assert "Ada resolved the ticket" in text
    assert "Ada reopened the ticket" in text
    assert "Assignee: none → became Ada" in text
    assert site.facts(ticket_id).state is TicketState.ASSIGNED


@pytest.mark.parametrize("action", ["take", "resolve", "reopen", "cancel", "assign"])
def test_a_button_that_is_pressed_twice_does_its_work_once(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor, action: str
) -> None:
    ticket_id = site.ticket()
    if action in ("resolve", "reopen"):
        site.desk.commands.send(TakeTicket(ticket_id=ticket_id, employee_id=ada.employee_id))
    if action == "reopen":
        site.desk.commands.send(ResolveTicket(ticket_id=ticket_id))
    form = {"reason": "Duplicate.", "employee_id": ada.employee_id}

    employee.post(f"/backoffice/tickets/{ticket_id}/{action}", form)
    once = happened(site, ticket_id)
    again = employee.post(f"/backoffice/tickets/{ticket_id}/{action}", form)

    assert again.status_code == 200
    assert happened(site, ticket_id) == once
    assert len(once) > 1


def test_another_assignee_replaces_the_first(
    site: DeploymentSite, ada: EmployeeFacts, operator: Visitor
) -> None:
    bob, ticket_id = site.employee("Bob"), site.ticket()
    page = f"/backoffice/tickets/{ticket_id}"

    operator.post(f"{page}/assign", {"employee_id": ada.employee_id})
    answer = operator.post(f"{page}/assign", {"employee_id": bob.employee_id})

    assert "The ticket is assigned to Bob." in text_of(answer.text)
    assert "Olga gave the ticket to somebody else" in text_of(answer.text)
    assert "Assignee: Ada → became Bob" in text_of(answer.text)
    assert site.facts(ticket_id).assignee_id == bob.employee_id


def test_an_inactive_employee_is_refused_beside_the_field(
    site: DeploymentSite, operator: Visitor
) -> None:
    bob, ticket_id = site.employee("Bob", active=False), site.ticket()

    answer = operator.post(
        f"/backoffice/tickets/{ticket_id}/assign", {"employee_id": bob.employee_id}
    )

    assert answer.status_code == 422
    assert 'id="employee_id-error"' in answer.text
    assert "Bob is not an active employee." in text_of(answer.text)
    assert happened(site, ticket_id) == ["prepared"]


def test_a_cancelled_ticket_says_that_it_takes_no_more_work(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor
) -> None:
    ticket_id = site.ticket()
    site.desk.commands.send(CancelTicket(ticket_id=ticket_id, reason="Duplicate of 7."))

    answer = employee.post(
        f"/backoffice/tickets/{ticket_id}/assign", {"employee_id": ada.employee_id}
    )

    text = text_of(answer.text)
    assert "Ticket T-1001 was cancelled; that is final, and it takes no more work." in text
    assert "Cancelled by the desk. Duplicate of 7." in text
    assert happened(site, ticket_id) == ["prepared", "cancelled"]


def test_somebody_elses_ticket_cannot_be_taken_away(
    site: DeploymentSite, employee: Visitor
) -> None:
    bob, ticket_id = site.employee("Bob"), site.ticket()
    site.desk.commands.send(AssignTicket(ticket_id=ticket_id, employee_id=bob.employee_id))

    answer = employee.post(f"/backoffice/tickets/{ticket_id}/take")

    assert "Bob works on ticket T-1001 already." in text_of(answer.text)
    assert site.facts(ticket_id).assignee_id == bob.employee_id


def test_what_nobody_works_on_is_not_resolved(site: DeploymentSite, employee: Visitor) -> None:
    ticket_id = site.ticket()

    answer = employee.post(f"/backoffice/tickets/{ticket_id}/resolve")

    assert "Nobody works on ticket T-1001; assign it before it is resolved." in text_of(answer.text)
    assert site.facts(ticket_id).state is TicketState.UNASSIGNED


def test_a_reopened_ticket_waits_for_somebody_when_its_assignee_has_left(
    site: DeploymentSite, employee: Visitor
) -> None:
    bob, ticket_id = site.employee("Bob"), site.ticket()
    site.desk.commands.send(AssignTicket(ticket_id=ticket_id, employee_id=bob.employee_id))
    site.desk.commands.send(ResolveTicket(ticket_id=ticket_id))
    site.desk.commands.send(DeactivateEmployee(employee_id=bob.employee_id))

    employee.post(f"/backoffice/tickets/{ticket_id}/reopen")

    assert site.facts(ticket_id).state is TicketState.UNASSIGNED


def test_cancelling_asks_first_and_wants_a_reason(site: DeploymentSite, employee: Visitor) -> None:
    ticket_id = site.ticket()
    page = f"/backoffice/tickets/{ticket_id}"

    question = text_of(employee.get(f"{page}/cancel").text)
    refused = employee.post(f"{page}/cancel", {"reason": "  \n "})
    done = employee.post(f"{page}/cancel", {"reason": "A duplicate,\r\nsee 7."})

    assert "Cancel ticket T-1001?" in question
    assert "This is final" in question
    assert refused.status_code == 422
    assert 'id="reason-error"' in refused.text
    assert "Ticket T-1001 is cancelled." in text_of(done.text)
    assert site.facts(ticket_id).cancellation_reason == "A duplicate,\nsee 7."


def test_a_resolved_ticket_is_not_cancelled(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor
) -> None:
    ticket_id = site.ticket()
    site.desk.commands.send(TakeTicket(ticket_id=ticket_id, employee_id=ada.employee_id))
    site.desk.commands.send(ResolveTicket(ticket_id=ticket_id))

    answer = employee.post(f"/backoffice/tickets/{ticket_id}/cancel", {"reason": "No."})

    assert "Ticket T-1001 is resolved; reopen it first." in text_of(answer.text)
    assert site.facts(ticket_id).state is TicketState.RESOLVED


def test_what_is_done_stays_in_the_conversation_of_the_ticket(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor
) -> None:
    ticket_id = site.ticket()

    employee.post(f"/backoffice/tickets/{ticket_id}/take")

    history = site.desk.queries.ask(TicketHistory(ticket_id=ticket_id))
    assert len({entry.correlation_id for entry in history}) == 1
    assert history[-1].actor_id == ada.account_id


def test_a_ticket_that_a_report_led_to_begins_with_the_customer(
    site: DeploymentSite, employee: Visitor
) -> None:
    ticket_id = site.deployment.identifiers.new()
    site.desk.commands.send(
        PrepareTicket(ticket_id=ticket_id, type="customer-issue", subject="x", description="y"),
        headers={ACTOR: "the customer"},
    )

    text = text_of(employee.get(f"/backoffice/tickets/{ticket_id}").text)

    assert "The customer reported the issue" in text


@pytest.mark.parametrize("action", ["take", "assign"])
def test_somebody_who_was_faster_is_told_of_instead_of_overwritten(
    site: DeploymentSite,
    ada: EmployeeFacts,
    employee: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
) -> None:
    ticket_id = site.ticket()

    def conflict(*_: object, **__: object) -> None:
        raise ConcurrencyConflict("ticket", ticket_id, 1)

    monkeypatch.setattr(type(site.desk.commands), "send", conflict)
    answer = employee.post(
        f"/backoffice/tickets/{ticket_id}/{action}", {"employee_id": ada.employee_id}
    )

    assert answer.status_code == 200
    assert "Somebody changed this ticket at the same moment." in text_of(answer.text)


def test_operators_are_led_to_the_traces_and_employees_are_not(
    site: DeploymentSite, employee: Visitor, operator: Visitor
) -> None:
    ticket_id = site.ticket()
    page = f"/backoffice/tickets/{ticket_id}"
    link = f"/operations/traces?correlation_id={site.facts(ticket_id).correlation_id}"

    assert link in operator.get(page).text
    assert link not in employee.get(page).text


def test_an_open_page_learns_that_the_ticket_has_changed(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor
) -> None:
    ticket_id = site.ticket()
    region = f"/backoffice/tickets/{ticket_id}/history?seen=1"
    first = employee.get(region)
    tag = first.headers["ETag"]

    same = employee.get(region, {"If-None-Match": tag})
    site.desk.commands.send(TakeTicket(ticket_id=ticket_id, employee_id=ada.employee_id))
    changed = employee.get(region, {"If-None-Match": tag})

    assert same.status_code == 304
    assert "has changed since you opened it" not in first.text
    assert "has changed since you opened it" in changed.text


@pytest.mark.parametrize(
    "path", ["", "/take", "/assign", "/resolve", "/reopen", "/cancel", "/history"]
)
def test_a_ticket_that_does_not_exist_is_not_found(
    site: DeploymentSite, employee: Visitor, path: str
) -> None:
    address = f"/backoffice/tickets/{site.deployment.identifiers.new()}{path}"

    reads = path in ("", "/history")
    answer = employee.get(address) if reads else employee.post(address, {"reason": "x"})

    assert answer.status_code == 404
