import re

import pytest
from werkzeug.test import TestResponse

from domain.backoffice.employee.messages import DeactivateEmployee
from domain.backoffice.ticket.messages import AssignTicket, CancelTicket, ResolveTicket
from ports.backoffice.queries import EmployeeFacts
from tests.app.deployment_site import DeploymentSite, Visitor, text_of

TICKETS = "/backoffice/tickets"


def subjects(html: str) -> list[str]:
    return re.findall(r'class="main-link truncate"[^>]*>([^<]+)<', html)


@pytest.fixture
def mixed(site: DeploymentSite, ada: EmployeeFacts) -> DeploymentSite:
    """One ticket of each state, and one more of a customer's; the lists know them all."""
    names = ("Free", "Assigned", "Resolved", "Cancelled")
    ids = {name: site.ticket(f"{name} one") for name in names}
    for name in ("Assigned", "Resolved"):
        site.desk.commands.send(AssignTicket(ticket_id=ids[name], employee_id=ada.employee_id))
    site.desk.commands.send(ResolveTicket(ticket_id=ids["Resolved"]))
    site.desk.commands.send(CancelTicket(ticket_id=ids["Cancelled"], reason="Duplicate."))
    site.ticket("Asked one", type="question", customer_email="maria@example.com")
    site.catch_up()
    return site


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("unassigned", ["Asked one", "Free one"]),
        ("mine", ["Assigned one"]),
        ("all", ["Asked one", "Cancelled one", "Resolved one", "Assigned one", "Free one"]),
        ("closed", ["Cancelled one", "Resolved one"]),
    ],
)
def test_every_view_holds_its_tickets_latest_first(
    mixed: DeploymentSite, employee: Visitor, view: str, expected: list[str]
) -> None:
    assert subjects(employee.get(f"{TICKETS}?view={view}").text) == expected


def test_tabs_count_their_tickets(mixed: DeploymentSite, employee: Visitor) -> None:
    text = text_of(employee.get(TICKETS).text)

    assert "Mine 1 Unassigned 2 All 5 Closed 2" in text


def test_the_title_names_the_view_in_english(mixed: DeploymentSite, employee: Visitor) -> None:
    titles = [
        re.findall("<title>(.*?) ·", employee.get(f"{TICKETS}?view={view}").text)
        for view in ("mine", "unassigned")
    ]

    assert titles == [["My tickets"], ["Unassigned tickets"]]


def test_an_operator_has_no_tickets_and_no_tab_for_them(
    mixed: DeploymentSite, operator: Visitor
) -> None:
    assert "Unassigned 2 All 5 Closed 2" in text_of(operator.get(TICKETS).text)
    assert "Mine" not in text_of(operator.get(TICKETS).text)
    assert "Nothing on your desk" in text_of(operator.get(f"{TICKETS}?view=mine").text)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("view=all&state=resolved", ["Resolved one"]),
        ("view=all&type=question", ["Asked one"]),
        ("view=all&q=MARIA", ["Asked one"]),
        ("view=closed&state=cancelled", ["Cancelled one"]),
        ("view=all&sort=number&direction=asc&q=one&state=unassigned", ["Free one", "Asked one"]),
        # A search from the top of any page names no view.
        ("q=cancelled", ["Cancelled one"]),
    ],
)
def test_search_filters_and_order_lie_in_the_address(
    mixed: DeploymentSite, employee: Visitor, query: str, expected: list[str]
) -> None:
    assert subjects(employee.get(f"{TICKETS}?{query}").text) == expected


@pytest.mark.parametrize(
    "query",
    [
        "view=nonsense",
        "view=unassigned&state=unheard-of&sort=secret&direction=up&size=7&page=-3",
        "view=unassigned&assignee=x'%20OR%201=1",
        "view=unassigned&q=%00",
    ],
)
def test_arguments_that_make_no_sense_are_as_good_as_absent(
    mixed: DeploymentSite, employee: Visitor, query: str
) -> None:
    answer = employee.get(f"{TICKETS}?{query}")

    assert answer.status_code == 200
    assert subjects(answer.text) == ["Asked one", "Free one"]


def test_tickets_of_somebody_who_left_are_still_found_under_the_name(
    mixed: DeploymentSite, ada: EmployeeFacts, operator: Visitor
) -> None:
    mixed.desk.commands.send(DeactivateEmployee(employee_id=ada.employee_id))

    answer = operator.get(f"{TICKETS}?view=all&assignee={ada.employee_id}&state=assigned")

    assert subjects(answer.text) == ["Assigned one"]
    assert "Assignee: Ada" in text_of(answer.text)


def test_long_lists_come_in_pages(site: DeploymentSite, employee: Visitor) -> None:
    for number in range(27):
        site.ticket(f"Ticket {number}")
    site.catch_up()

    first = employee.get(f"{TICKETS}?view=unassigned")
    second = employee.get(f"{TICKETS}?view=unassigned&page=2")
    beyond = employee.get(f"{TICKETS}?view=unassigned&page=9")

    assert len(subjects(first.text)) == 25
    assert "1\u201325 of 27" in text_of(first.text)
    assert subjects(second.text) == ["Ticket 1", "Ticket 0"]
    assert "Nothing on this page" in text_of(beyond.text)


def test_empty_lists_say_why_they_are_empty(site: DeploymentSite, employee: Visitor) -> None:
    assert "No tickets yet" in text_of(employee.get(f"{TICKETS}?view=all").text)
    assert "Nothing waits" in text_of(employee.get(f"{TICKETS}?view=unassigned").text)
    assert "Nothing closed yet" in text_of(employee.get(f"{TICKETS}?view=closed").text)

    site.ticket()
    site.catch_up()
    assert "Nothing matches" in text_of(employee.get(f"{TICKETS}?view=all&q=zebra").text)


def test_what_customers_wrote_is_text_and_never_markup(
    site: DeploymentSite, employee: Visitor
) -> None:
    ticket_id = site.ticket("<script>alert(1)</script>", description="<img src=x onerror=alert(2)>")
    site.catch_up()

    for address in (f"{TICKETS}?view=all", f"{TICKETS}/{ticket_id}", "/backoffice/"):
        html = employee.get(address).text
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "&lt;script&gt;alert(1)" in html


def test_the_box_to_pick_from_finds_active_employees_only(
    site: DeploymentSite, ada: EmployeeFacts, operator: Visitor
) -> None:
    site.employee("Adam", active=False)

    assert operator.get("/backoffice/people?q=ad").json == [
        {"value": ada.employee_id, "label": "Ada", "hint": "ada@example.com"}
    ]
    assert operator.get("/backoffice/people?q=%00zz").json == []


@pytest.fixture
def numbered(site: DeploymentSite) -> DeploymentSite:
    """T-1001 came from issue #1002, and T-1002 from #1003."""
    site.ticket("Printer one", issue_number=1002)
    site.ticket("Screen one", issue_number=1003)
    site.ticket("Of the desk")
    site.catch_up()
    return site


def test_lists_show_the_numbers_of_tickets_and_issues_apart(
    numbered: DeploymentSite, ada: EmployeeFacts, employee: Visitor
) -> None:
    for address in (f"{TICKETS}?view=all", "/backoffice/"):
        text = text_of(employee.get(address).text)

        assert "T-1001 · Issue #1002 ·" in text
        assert "T-1003 ·" in text
        assert "#1001" not in text


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("%231002", ["Printer one"]),
        ("T-1002", ["Screen one"]),
        ("t-1002", ["Screen one"]),
        ("1002", ["Screen one", "Printer one"]),
        # Typed with an input method, or copied out of a mail's subject.
        ("%EF%BC%91%EF%BC%90%EF%BC%90%EF%BC%92", ["Screen one", "Printer one"]),
        ("[%231002]", ["Printer one"]),
        ("T-1002,", ["Screen one"]),
    ],
)
def test_a_customers_number_never_leads_to_the_ticket_of_another(
    numbered: DeploymentSite, employee: Visitor, typed: str, expected: list[str]
) -> None:
    assert subjects(employee.get(f"{TICKETS}?q={typed}").text) == expected


def test_a_number_that_nobody_has_is_told_from_a_word_in_a_text(
    numbered: DeploymentSite, employee: Visitor
) -> None:
    text = text_of(employee.get(f"{TICKETS}?q=404").text)

    assert "No ticket here has this number. Add a word to look for a number in texts." in text


def poll(visitor: Visitor, address: str, tag: str = "") -> TestResponse:
    return visitor.get(address, {"HX-Request": "true", "If-None-Match": tag})


@pytest.mark.parametrize("address", [f"{TICKETS}?view=unassigned", "/backoffice/"])
def test_an_open_list_hears_of_a_new_ticket_and_otherwise_nothing(
    site: DeploymentSite, employee: Visitor, address: str
) -> None:
    first = poll(employee, address)
    unchanged = poll(employee, address, first.headers["ETag"])
    site.ticket("Fresh one")
    site.catch_up()
    changed = poll(employee, address, first.headers["ETag"])

    assert (first.status_code, unchanged.status_code, unchanged.text) == (200, 304, "")
    assert "Fresh one" not in first.text
    assert "Fresh one" in changed.text
    assert "<html" not in changed.text


def test_the_refreshed_list_brings_its_tabs_along(site: DeploymentSite, employee: Visitor) -> None:
    site.ticket()
    site.catch_up()

    answer = poll(employee, f"{TICKETS}?view=all")

    assert 'id="ticket-views" hx-swap-oob="innerMorph"' in answer.text
    assert "Mine 0 Unassigned 1 All 1 Closed 0" in text_of(answer.text)


def test_a_list_is_drawn_anew_after_a_rebuild_that_ends_where_it_began(
    site: DeploymentSite, employee: Visitor
) -> None:
    site.ticket()
    site.catch_up()
    tag = poll(employee, TICKETS).headers["ETag"]

    site.desk.projections.rebuild("ticket_list")
    site.catch_up()

    assert poll(employee, TICKETS, tag).status_code == 200


def test_what_two_people_see_is_never_mistaken_for_each_other(
    site: DeploymentSite, employee: Visitor, operator: Visitor
) -> None:
    tag = poll(employee, f"{TICKETS}?view=mine").headers["ETag"]

    assert poll(operator, f"{TICKETS}?view=mine", tag).status_code == 200
