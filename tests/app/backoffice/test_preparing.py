import pytest

from ports.backoffice.queries import ListTickets
from tests.app.deployment_site import DeploymentSite, Visitor, hidden_value, text_of

NEW = "/backoffice/tickets/new"
GIVEN = {
    "type": "task",
    "subject": "Order toner",
    "description": "Black,\r\ntwo of them.",
    "email": "maria@example.com",
}


def prepare(visitor: Visitor, ticket_id: str, **fields: str) -> str:
    return text_of(visitor.post(NEW, {**GIVEN, "ticket_id": ticket_id, **fields}).text)


def test_a_prepared_ticket_is_shown_at_once_and_listed_soon(
    site: DeploymentSite, employee: Visitor
) -> None:
    ticket_id = hidden_value(employee.get(NEW).text, "ticket_id")

    text = prepare(employee, ticket_id)

    assert "The ticket is prepared. It will appear in the lists shortly." in text
    assert "Ada prepared the ticket" in text
    ticket = site.facts(ticket_id)
    assert (ticket.subject, ticket.description) == ("Order toner", "Black,\ntwo of them.")
    assert ticket.customer_email == "maria@example.com"


def test_the_same_form_sent_twice_leads_to_one_ticket(
    site: DeploymentSite, employee: Visitor
) -> None:
    ticket_id = hidden_value(employee.get(NEW).text, "ticket_id")

    prepare(employee, ticket_id)
    prepare(employee, ticket_id)

    site.catch_up()
    assert site.desk.queries.ask(ListTickets()).total == 1


def test_going_back_and_writing_something_else_is_not_lost_in_silence(
    site: DeploymentSite, employee: Visitor
) -> None:
    ticket_id = hidden_value(employee.get(NEW).text, "ticket_id")
    prepare(employee, ticket_id)

    answer = employee.post(NEW, {**GIVEN, "ticket_id": ticket_id, "subject": "Order paper"})

    assert answer.status_code == 409
    assert "You sent this form before." in text_of(answer.text)
    fresh_id = hidden_value(answer.text, "ticket_id")
    assert fresh_id != ticket_id
    prepare(employee, fresh_id, subject="Order paper")
    assert site.facts(fresh_id).subject == "Order paper"
    assert site.facts(ticket_id).subject == "Order toner"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("subject", "", "Say in a few words what it is about."),
        ("subject", "\x00\x01", "This field is empty."),
        ("subject", "x" * 201, "Keep it under 200 characters, please."),
        ("description", "", "Describe what has to be done."),
        ("description", "x" * 20_001, "Keep it under 20,000 characters, please."),
        ("type", "Not One Word", "is not one word of small letters, digits and dashes"),
        ("email", "nobody", "This address cannot be written to"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    site: DeploymentSite, employee: Visitor, field: str, value: str, message: str
) -> None:
    answer = employee.post(
        NEW, {**GIVEN, "ticket_id": site.deployment.identifiers.new(), field: value}
    )

    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert message in text_of(answer.text)
    site.catch_up()
    assert site.desk.queries.ask(ListTickets()).total == 0


def test_line_breaks_count_once_however_the_browser_sends_them(
    site: DeploymentSite, employee: Visitor
) -> None:
    ticket_id = site.deployment.identifiers.new()

    prepare(employee, ticket_id, description="x\r\n" * 9_999 + "xx")

    assert len(site.facts(ticket_id).description) == 20_000
