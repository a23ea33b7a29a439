from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import expect

from domain.backoffice.ticket.messages import AssignTicket, CancelTicket, ResolveTicket, TakeTicket
from ports.backoffice.queries import EmployeeFacts, TicketState
from tests.app.deployment_site import OPERATOR, PASSWORD, DeploymentSite
from tests.support.browser import ChromiumPage, View, serving

pytestmark = pytest.mark.browser

WIDE, NARROW = 1280, 360
_TWO_LOOKS_MS = 12_000  # an open page asks every five seconds
# Over when the list was asked for, or when it was decided not to ask.
_LOOK = """() => new Promise((over) => {
  document.addEventListener('htmx:finally:request', () => over(), { once: true });
  document.body.dispatchEvent(new CustomEvent('tick'));
})"""
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk" * 3


@pytest.fixture
def address(site: DeploymentSite) -> Iterator[str]:
    with serving(site.app) as served:
        yield served


def sign_in(view: View, address: str, email: str) -> None:
    view.open(f"{address}/sign-in")
    view.page.get_by_label("E-mail address").fill(email)
    view.page.get_by_label("Password").fill(PASSWORD)
    view.page.get_by_role("button", name="Sign in").click()
    view.page.wait_for_url(f"{address}/backoffice/")


def check(view: View, *addresses: str) -> None:
    for address in addresses:
        view.open(address)
        view.assert_accessible()
        view.assert_fits_the_width()


@pytest.fixture
def tickets(site: DeploymentSite, ada: EmployeeFacts) -> dict[str, str]:
    """One for each state, one of them with texts that do not want to fit."""
    commands = site.desk.commands
    made = {
        "free": site.ticket(LONG, description=LONG * 3, customer_email="maria@example.com"),
        "assigned": site.ticket("Screen flickers", reference=site.deployment.identifiers.new()),
        "resolved": site.ticket("Toner is empty"),
        "cancelled": site.ticket("Never mind"),
    }
    for state in ("assigned", "resolved"):
        commands.send(TakeTicket(ticket_id=made[state], employee_id=ada.employee_id))
    commands.send(ResolveTicket(ticket_id=made["resolved"]))
    commands.send(CancelTicket(ticket_id=made["cancelled"], reason=LONG))
    site.catch_up()
    site.ticket("One that the lists do not know yet")
    return made


@pytest.mark.parametrize(
    ("theme", "width"), [("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW)]
)
def test_every_page_of_employees_can_be_read_by_everybody(
    address: str,
    ada: EmployeeFacts,
    tickets: dict[str, str],
    chromium_page: ChromiumPage,
    theme: Literal["light", "dark"],
    width: int,
) -> None:
    view = chromium_page(theme=theme, width=width)
    view.expect_complaint("422")
    sign_in(view, address, ada.email)

    check(
        view,
        f"{address}/backoffice/",
        f"{address}/backoffice/tickets?view=unassigned",
        f"{address}/backoffice/tickets?view=all",
        f"{address}/backoffice/tickets?view=all&q=zebra&state=assigned",
        *(f"{address}/backoffice/tickets/{ticket_id}" for ticket_id in tickets.values()),
        f"{address}/backoffice/tickets/{tickets['free']}/cancel",
        f"{address}/backoffice/tickets/new",
    )
    view.page.get_by_role("button", name="Prepare ticket").click()
    view.page.get_by_role("alert").wait_for()
    view.assert_accessible()


@pytest.mark.parametrize(("theme", "width"), [("light", NARROW), ("dark", WIDE)])
def test_every_page_of_operators_can_be_read_by_everybody(
    site: DeploymentSite,
    address: str,
    ada: EmployeeFacts,
    tickets: dict[str, str],
    chromium_page: ChromiumPage,
    theme: Literal["light", "dark"],
    width: int,
) -> None:
    bob = site.employee("Maximiliane-Hohenschwangau-Sigmaringen-Lovelace", active=False)
    view = chromium_page(theme=theme, width=width)
    sign_in(view, address, OPERATOR)

    check(
        view,
        f"{address}/backoffice/",
        f"{address}/backoffice/tickets/{tickets['free']}",
        f"{address}/backoffice/employees",
        f"{address}/backoffice/employees?q=zebra",
        f"{address}/backoffice/employees/new",
        f"{address}/backoffice/employees/{ada.employee_id}",
        f"{address}/backoffice/employees/{bob.employee_id}",
        f"{address}/backoffice/employees/{ada.employee_id}/deactivate",
    )


def test_a_ticket_is_given_to_somebody_by_keyboard_alone(
    site: DeploymentSite, address: str, ada: EmployeeFacts, chromium_page: ChromiumPage
) -> None:
    bob, ticket_id = site.employee("Bob"), site.ticket()
    view = chromium_page()
    sign_in(view, address, ada.email)
    view.open(f"{address}/backoffice/tickets/{ticket_id}")
    keyboard = view.page.keyboard

    # The list of the plain page is a combobox too, until the script has made it one to type into.
    view.page.locator("input[role=combobox]").focus()
    keyboard.type("bo")
    view.page.get_by_role("option", name="Bob").wait_for()
    view.assert_accessible()
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.press("Enter")

    expect(view.page.get_by_text("The ticket is assigned to Bob.")).to_be_visible()
    assert site.facts(ticket_id).assignee_id == bob.employee_id


def test_cancelling_asks_in_a_dialog(
    site: DeploymentSite, address: str, ada: EmployeeFacts, chromium_page: ChromiumPage
) -> None:
    ticket_id = site.ticket()
    view = chromium_page()
    sign_in(view, address, ada.email)
    view.open(f"{address}/backoffice/tickets/{ticket_id}")

    view.page.get_by_role("link", name="Cancel ticket").click()
    dialog = view.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    view.assert_accessible()
    dialog.get_by_label("Reason").fill("A duplicate.")
    dialog.get_by_role("button", name="Cancel ticket").click()

    expect(view.page.get_by_text("Ticket T-1001 is cancelled.")).to_be_visible()
    assert site.facts(ticket_id).cancellation_reason == "A duplicate."


def test_the_work_of_a_ticket_is_done_without_javascript(
    site: DeploymentSite, address: str, ada: EmployeeFacts, chromium_page: ChromiumPage
) -> None:
    bob = site.employee("Bob")
    view = chromium_page(javascript=False)
    page = view.page
    sign_in(view, address, ada.email)

    view.open(f"{address}/backoffice/tickets/new")
    page.get_by_label("Subject").fill("Order toner")
    page.get_by_label("Description").fill("Black.")
    page.get_by_label("Type").fill("task")
    page.get_by_role("button", name="Prepare ticket").click()
    page.get_by_role("button", name="Take").click()
    page.get_by_label("Assign to").select_option(label="Bob")
    page.get_by_role("button", name="Reassign").click()
    page.get_by_role("button", name="Resolve").click()
    page.get_by_role("button", name="Reopen").click()
    page.get_by_role("link", name="Cancel ticket").click()
    page.get_by_label("Reason").fill("Not needed.")
    page.get_by_role("button", name="Cancel ticket").click()

    expect(page.get_by_text("Cancelled by the desk.")).to_be_visible()
    ticket = site.facts(page.url.rsplit("/", 1)[-1])
    assert (ticket.state, ticket.assignee_id) == (TicketState.CANCELLED, bob.employee_id)


def test_a_change_by_somebody_else_is_announced_on_the_open_page(
    site: DeploymentSite, address: str, ada: EmployeeFacts, chromium_page: ChromiumPage
) -> None:
    ticket_id = site.ticket()
    view = chromium_page()
    sign_in(view, address, ada.email)
    view.open(f"{address}/backoffice/tickets/{ticket_id}")
    view.page.get_by_role("combobox", name="Assign to").fill("half a na")

    site.desk.commands.send(AssignTicket(ticket_id=ticket_id, employee_id=ada.employee_id))

    announced = view.page.get_by_text("This ticket has changed since you opened it.")
    expect(announced).to_be_visible(timeout=_TWO_LOOKS_MS)
    expect(view.page.get_by_role("combobox", name="Assign to")).to_have_value("half a na")


def test_an_employee_is_registered_and_let_in_by_the_keyboard(
    address: str, site: DeploymentSite, chromium_page: ChromiumPage
) -> None:
    view = chromium_page()
    sign_in(view, address, OPERATOR)
    view.open(f"{address}/backoffice/employees/new")
    keyboard = view.page.keyboard

    view.page.get_by_label("Name").focus()
    keyboard.type("Grace")
    keyboard.press("Tab")
    keyboard.type("grace@example.com")
    keyboard.press("Enter")
    view.page.get_by_role("button", name="Activate").press("Enter")

    expect(
        view.page.get_by_text("An invitation is on its way to grace@example.com.")
    ).to_be_visible()


def test_an_open_list_shows_a_new_ticket_but_waits_while_rows_are_ticked(
    site: DeploymentSite, address: str, ada: EmployeeFacts, chromium_page: ChromiumPage
) -> None:
    site.ticket("First")
    site.catch_up()
    view = chromium_page()
    page = view.page
    sign_in(view, address, ada.email)
    view.open(f"{address}/backoffice/tickets?view=unassigned")
    page.get_by_label("Tick ticket T-1001").check()
    asked = len(view.requested)

    site.ticket("Second")
    site.catch_up()
    page.evaluate(_LOOK)
    while_ticked = view.requested[asked:]
    page.get_by_role("button", name="Clear").click()

    expect(page.get_by_role("link", name="Second")).to_be_visible(timeout=_TWO_LOOKS_MS)
    expect(page.get_by_role("link", name="Unassigned 2")).to_be_visible()
    assert while_ticked == []


def test_an_open_list_waits_while_somebody_types_what_to_look_for(
    site: DeploymentSite, address: str, ada: EmployeeFacts, chromium_page: ChromiumPage
) -> None:
    view = chromium_page()
    page = view.page
    sign_in(view, address, ada.email)
    view.open(f"{address}/backoffice/tickets?view=unassigned")
    search = page.get_by_role("searchbox", name="Search number, subject, customer or text")
    search.fill("Sec")
    asked = len(view.requested)

    site.ticket("Second")
    site.catch_up()
    page.evaluate(_LOOK)
    while_typing = view.requested[asked:]
    search.fill("")

    expect(page.get_by_role("link", name="Second")).to_be_visible(timeout=_TWO_LOOKS_MS)
    assert while_typing == []


@pytest.mark.parametrize("javascript", [True, False])
def test_ticked_tickets_are_given_to_somebody_and_resolved(
    site: DeploymentSite,
    address: str,
    ada: EmployeeFacts,
    chromium_page: ChromiumPage,
    javascript: bool,
) -> None:
    bob = site.employee("Bob")
    ids = [site.ticket("One"), site.ticket("Two")]
    site.catch_up()
    view = chromium_page(javascript=javascript)
    page = view.page
    sign_in(view, address, ada.email)

    view.open(f"{address}/backoffice/tickets?view=unassigned")
    for number in (1001, 1002):
        page.get_by_label(f"Tick ticket T-{number}").check()
    page.get_by_role("button", name="Assign to…").click()
    if javascript:
        page.get_by_role("dialog").get_by_role("combobox", name="Assign to").fill("bo")
        page.get_by_role("option", name="Bob").click()
        view.assert_accessible()
    else:
        page.get_by_label("Assign to").select_option(label="Bob")
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.get_by_text("2 tickets assigned to Bob.")).to_be_visible()
    site.catch_up()

    view.open(f"{address}/backoffice/tickets?view=all")
    for number in (1001, 1002):
        page.get_by_label(f"Tick ticket T-{number}").check()
    page.get_by_role("button", name="Resolve", exact=True).click()
    page.locator("form.confirm").get_by_role("button", name="Resolve").click()

    expect(page.get_by_text("2 tickets resolved.")).to_be_visible()
    assert [site.facts(one).state for one in ids] == [TicketState.RESOLVED] * 2
    assert {site.facts(one).assignee_id for one in ids} == {bob.employee_id}


@pytest.mark.parametrize(("theme", "width"), [("light", WIDE), ("dark", NARROW)])
def test_what_was_refused_can_be_read_by_everybody(
    address: str,
    ada: EmployeeFacts,
    tickets: dict[str, str],
    chromium_page: ChromiumPage,
    theme: Literal["light", "dark"],
    width: int,
) -> None:
    view = chromium_page(theme=theme, width=width)
    page = view.page
    sign_in(view, address, ada.email)
    view.open(f"{address}/backoffice/tickets?view=all")

    page.locator(".row-select").evaluate_all("boxes => boxes.forEach((box) => box.click())")
    view.assert_accessible()
    page.get_by_role("button", name="Take", exact=True).click()

    expect(page.get_by_role("heading", name="2 of 4 tickets taken")).to_be_visible()
    view.assert_accessible()
    view.assert_fits_the_width()
