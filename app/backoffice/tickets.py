"""The list of tickets. Everything that it shows lies in its address, also while it refreshes
itself."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, render_template, request

from app.backoffice.colleagues import Colleagues, is_operator
from app.backoffice.lists_progress import ListsProgress
from app.backoffice.ticket_search import STATES, Wanted, wanted
from app.backoffice.words import TICKET_TAGS
from app.identity.access import staff
from app.web.components import ActiveFilter, Tab
from app.web.fragments import is_fragment_request, live_region
from app.web.paging import ListRequest, Pagination
from ports.backoffice.queries import (
    COUNT_LIMIT,
    CountTickets,
    TicketCounts,
    TicketPage,
    TicketTypes,
    TicketView,
)
from ports.contracts.numbers import ticket_number_in
from ports.inbound.buses import QueryBus

_LABELS: Mapping[TicketView, str] = {
    TicketView.MINE: "Mine",
    TicketView.UNASSIGNED: "Unassigned",
    TicketView.ALL: "All",
    TicketView.CLOSED: "Closed",
}
_TITLES = {**_LABELS, TicketView.MINE: "My"}
_FILTERS = {"state": "State", "type": "Type", "assignee": "Assignee"}


def add_ticket_list(
    blueprint: Blueprint,
    *,
    queries: QueryBus,
    colleagues: Colleagues,
    lists_progress: Callable[[], ListsProgress],
) -> None:
    @blueprint.get("/tickets")
    @staff
    def tickets() -> str | Response:
        asked = wanted(request.args)
        # Before the rows: what is read meanwhile is then shown by the next look, not missed by it.
        progress = lists_progress()
        myself = colleagues.myself()
        employee_id = myself.employee_id if myself else ""
        if is_fragment_request():
            return live_region(
                (employee_id, progress.behind, progress.read),
                lambda: render_template(
                    "backoffice/ticket_news.html", **rows(asked, employee_id, progress)
                ),
            )
        offered = _offered(queries, colleagues, asked.view, asked.listing.filters)
        return render_template(
            "backoffice/tickets.html",
            active=_active(asked.listing, offered),
            offered=offered,
            filter_labels=_FILTERS,
            **rows(asked, employee_id, progress),
        )

    def rows(asked: Wanted, employee_id: str, progress: ListsProgress) -> dict[str, object]:
        """What the page and its refreshed parts have in common."""
        page: TicketPage = queries.ask(asked.question(employee_id))
        listing = asked.listing
        return {
            "title": f"{_TITLES[asked.view]} tickets",
            "view": asked.view.value,
            "asked": asked,
            "listing": listing,
            "page": page,
            "pager": Pagination(
                request=listing,
                shown=len(page.rows),
                total=page.total,
                total_is_exact=page.total < COUNT_LIMIT,
            ),
            "tabs": _tabs(listing, asked.view, queries.ask(CountTickets(employee_id=employee_id))),
            "tags": TICKET_TAGS,
            "behind": progress.behind,
            "operator": is_operator(),
            "number_alone": ticket_number_in(listing.search) is not None,
        }


def _tabs(listing: ListRequest, view: TicketView, counts: TicketCounts) -> list[Tab]:
    numbers = {
        TicketView.MINE: counts.mine,
        TicketView.UNASSIGNED: counts.unassigned,
        TicketView.ALL: counts.all,
        TicketView.CLOSED: counts.closed,
    }
    return [
        Tab(
            label=_LABELS[one],
            # Filters that the other view does not know would be on unseen.
            url=listing.url(view=one.value, state=None, assignee=None),
            current=one is view,
            count=numbers[one],
        )
        for one in numbers
        if one is not TicketView.MINE or not is_operator() or view is TicketView.MINE
    ]


Options = list[tuple[str, str]]


def _offered(
    queries: QueryBus, colleagues: Colleagues, view: TicketView, chosen: Mapping[str, str]
) -> dict[str, Options]:
    """What each filter of the view can be set to, as (value, label)."""
    types: Options = [(name, name) for name in queries.ask(TicketTypes())]
    offered = {"type": types}
    if view in STATES:
        people: Options = [(one.employee_id, one.name) for one in colleagues.active()]
        offered = {
            "state": [(state.value, TICKET_TAGS[state].text) for state in STATES[view]],
            "type": types,
            "assignee": people,
        }
    for name, value in chosen.items():
        # Chosen by a link, such as from the page of an employee who has left.
        if value not in dict(offered[name]):
            offered[name].append((value, _label(colleagues, name, value)))
    return offered


def _label(colleagues: Colleagues, name: str, value: str) -> str:
    if name != "assignee":
        return value
    employee = colleagues.find(value)
    return employee.name if employee else "somebody unknown"


def _active(listing: ListRequest, offered: Mapping[str, Options]) -> list[ActiveFilter]:
    active = [
        ActiveFilter(
            label=_FILTERS[name],
            value=dict(offered[name])[value],
            url_without=listing.url(**{name: None}),
        )
        for name, value in listing.filters.items()
    ]
    if listing.search:
        active.append(
            ActiveFilter(label="Text", value=listing.search, url_without=listing.url(q=None))
        )
    return active
