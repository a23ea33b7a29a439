"""The same done with several tickets at once."""

from typing import Any

import pytest

from app.backoffice.ticket_bulk import MOST_TICKED
from domain.backoffice.employee.messages import DeactivateEmployee
from domain.backoffice.ticket.messages import AssignTicket, CancelTicket, TakeTicket
from ports.backoffice.queries import EmployeeFacts, TicketHistory, TicketState
from ports.errors import ConcurrencyConflict
from tests.app.deployment_site import DeploymentSite, Visitor, hidden_value, text_of

BULK = "/backoffice/tickets/bulk"
LIST = "/backoffice/tickets?view=all"


def states(site: DeploymentSite, *ids: str) -> list[tuple[str, str]]:
    return [(site.facts(one).state.value, site.facts(one).assignee_name) for one in ids]


def test_an_employee_takes_what_is_ticked_and_comes_back_to_the_same_list(
    site: DeploymentSite, employee: Visitor
) -> None:
    free, other, left = site.ticket("One"), site.ticket("Two"), site.ticket("Three")

    answer = employee.post(
        f"{BULK}/take",
        {"ids": [free, other, free], "query": "view=all&q=Two&sort=type&page=1&strange=x"},
    )

    assert states(site, free, other, left) == [
        ("assigned", "Ada"),
        ("assigned", "Ada"),
        ("unassigned", ""),
    ]
    assert "2 tickets taken. The lists will show it shortly." in text_of(answer.text)
    assert answer.request.path == "/backoffice/tickets"
    assert answer.request.args.to_dict() == {
        "view": "all",
        "q": "Two",
        "sort": "type",
        "strange": "x",
    }


def test_what_one_ticket_refuses_hinders_no_other_and_is_told_with_its_reason(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor
) -> None:
    bob = site.employee("Bob")
    free, his, over, mine = (site.ticket(name) for name in ("Free", "His", "Over", "Mine"))
    site.desk.commands.send(AssignTicket(ticket_id=his, employee_id=bob.employee_id))
    site.desk.commands.send(CancelTicket(ticket_id=over, reason="Duplicate."))
    site.desk.commands.send(TakeTicket(ticket_id=mine, employee_id=ada.employee_id))
    unknown = site.deployment.identifiers.new()

    answer = employee.post(
        f"{BULK}/take", {"ids": [his, over, unknown, "nonsense", free, mine], "query": "view=all"}
    )

    text = text_of(answer.text)
    assert "2 of 6 tickets taken" in text
    assert "T-1002 His Bob works on ticket T-1002 already." in text
    assert "T-1003 Over Ticket T-1003 was cancelled" in text
    assert text.count("There is no such ticket.") == 2
    assert "Done 2 tickets T-1001 Free T-1004 Mine" in text
    assert states(site, free, his) == [("assigned", "Ada"), ("assigned", "Bob")]


def test_a_change_at_the_same_moment_is_told_for_the_ticket_it_befell(
    site: DeploymentSite, employee: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = site.ticket("First"), site.ticket("Second")
    bus = type(site.desk.commands)
    send = bus.send

    def contested(self: Any, command: object, **more: Any) -> object:
        if isinstance(command, TakeTicket) and command.ticket_id == first:
            raise ConcurrencyConflict("ticket", first, 1)
        return send(self, command, **more)

    monkeypatch.setattr(bus, "send", contested)
    text = text_of(employee.post(f"{BULK}/take", {"ids": [first, second]}).text)

    assert "T-1001 First Somebody changed it at the same moment." in text
    assert states(site, first, second) == [("unassigned", ""), ("assigned", "Ada")]


def test_resolving_asks_first_and_names_the_tickets(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor
) -> None:
    ids = [site.ticket(f"Number {number}") for number in range(7)]
    for one in ids:
        site.desk.commands.send(TakeTicket(ticket_id=one, employee_id=ada.employee_id))

    question = employee.post(f"{BULK}/resolve/confirm", {"ids": ids, "query": "view=mine"})
    asked = states(site, *ids)
    answer = employee.post(f"{BULK}/resolve", {"ids": ids, "query": "view=mine"})

    assert "Resolve 7 tickets?" in text_of(question.text)
    assert "T-1005 Number 4 and 2 more" in text_of(question.text)
    assert hidden_value(question.text, "query") == "view=mine"
    assert set(asked) == {("assigned", "Ada")}
    assert set(states(site, *ids)) == {("resolved", "Ada")}
    assert "7 tickets resolved." in text_of(answer.text)


def test_resolving_twice_changes_nothing_more(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor
) -> None:
    ticket_id = site.ticket()
    site.desk.commands.send(TakeTicket(ticket_id=ticket_id, employee_id=ada.employee_id))

    for _ in range(2):
        employee.post(f"{BULK}/resolve", {"ids": [ticket_id]})

    history = site.desk.queries.ask(TicketHistory(ticket_id=ticket_id))
    assert [entry.kind.value for entry in history] == ["prepared", "assigned", "resolved"]
    assert history[-1].actor == "Ada"


def test_an_operator_gives_many_to_somebody_else(
    site: DeploymentSite, ada: EmployeeFacts, operator: Visitor
) -> None:
    bob = site.employee("Bob")
    ids = [site.ticket("One"), site.ticket("Two")]
    site.desk.commands.send(TakeTicket(ticket_id=ids[0], employee_id=ada.employee_id))

    question = operator.post(f"{BULK}/assign/confirm", {"ids": ids})
    answer = operator.post(f"{BULK}/assign", {"ids": ids, "employee_id": bob.employee_id})

    assert "Assign 2 tickets?" in text_of(question.text)
    assert "2 tickets assigned to Bob." in text_of(answer.text)
    assert states(site, *ids) == [("assigned", "Bob"), ("assigned", "Bob")]


@pytest.mark.parametrize("choice", ["", "nonsense", "inactive", "unknown"])
def test_nobody_who_cannot_work_is_given_tickets(
    site: DeploymentSite, operator: Visitor, choice: str
) -> None:
    eve, ticket_id = site.employee("Eve"), site.ticket()
    site.desk.commands.send(DeactivateEmployee(employee_id=eve.employee_id))
    known = {"inactive": eve.employee_id, "unknown": site.deployment.identifiers.new()}

    answer = operator.post(
        f"{BULK}/assign", {"ids": [ticket_id], "employee_id": known.get(choice, choice)}
    )

    assert answer.status_code == 422
    assert "employee from the list." in text_of(answer.text)
    assert hidden_value(answer.text, "ids") == ticket_id
    assert site.facts(ticket_id).state is TicketState.UNASSIGNED


@pytest.mark.parametrize(
    "action", ["take", "resolve", "resolve/confirm", "assign", "assign/confirm"]
)
def test_nothing_ticked_is_nothing_done(employee: Visitor, action: str) -> None:
    answer = employee.post(f"{BULK}/{action}", {"query": "view=all"})

    assert "Nothing was chosen. Tick some tickets first." in text_of(answer.text)
    assert answer.request.args["view"] == "all"


def test_more_than_a_page_of_tickets_is_refused_whole(
    site: DeploymentSite, employee: Visitor
) -> None:
    ticket_id = site.ticket()
    others = [site.deployment.identifiers.new() for _ in range(MOST_TICKED)]

    answer = employee.post(f"{BULK}/take", {"ids": [ticket_id, *others]})

    assert "101 tickets are too many at once; the most are 100." in text_of(answer.text)
    assert site.facts(ticket_id).state is TicketState.UNASSIGNED


def test_a_form_without_the_token_of_a_page_does_nothing(
    site: DeploymentSite, employee: Visitor
) -> None:
    ticket_id = site.ticket()

    answer = employee.client.post(f"{BULK}/take", data={"ids": [ticket_id]})

    assert answer.status_code == 400
    assert site.facts(ticket_id).state is TicketState.UNASSIGNED


@pytest.mark.parametrize(
    ("view", "offered"),
    [
        ("unassigned", ["Take", "Assign to…"]),
        ("mine", ["Assign to…", "Resolve"]),
        ("all", ["Take", "Assign to…", "Resolve"]),
        ("closed", []),
    ],
)
def test_a_view_offers_what_its_tickets_may_allow(
    site: DeploymentSite, ada: EmployeeFacts, employee: Visitor, view: str, offered: list[str]
) -> None:
    mine, over = site.ticket("Mine"), site.ticket("Over")
    site.ticket("Free")
    site.desk.commands.send(TakeTicket(ticket_id=mine, employee_id=ada.employee_id))
    site.desk.commands.send(CancelTicket(ticket_id=over, reason="Duplicate."))
    site.catch_up()

    html = employee.get(f"/backoffice/tickets?view={view}").text

    words = text_of(html)
    assert [name for name in ("Take", "Assign to…", "Resolve") if f" {name} " in words] == offered
    assert ('name="ids"' in html) == bool(offered)


def test_an_operator_is_offered_to_assign_alone(site: DeploymentSite, operator: Visitor) -> None:
    site.ticket()
    site.catch_up()

    words = text_of(operator.get(LIST).text)

    assert "Assign to…" in words
    assert " Take " not in words
    assert " Resolve " not in words


def test_a_return_address_of_elsewhere_leads_to_the_list_all_the_same(
    site: DeploymentSite, employee: Visitor
) -> None:
    answer = employee.post(
        f"{BULK}/take",
        {"ids": [site.ticket()], "query": "https://evil.example/?view=%0d%0aX:1"},
        follow=False,
    )

    assert answer.location.startswith("/backoffice/tickets?")
    assert "X:1" not in answer.headers
