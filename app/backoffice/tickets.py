"""The list of tickets. Everything that it shows lies in its address."""

from collections.abc import Callable, Mapping, Sequence

from flask import Blueprint, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from app.backoffice.colleagues import Colleagues, is_operator
from app.backoffice.words import TICKET_TAGS
from app.identity.access import staff
from app.web.components import ActiveFilter, Tab
from app.web.paging import ListRequest, Pagination, parse_list_request
from domain.plain_text import is_uuid_text
from ports.backoffice.queries import (
    COUNT_LIMIT,
    CountTickets,
    ListTickets,
    TicketCounts,
    TicketPage,
    TicketSort,
    TicketState,
    TicketTypes,
    TicketView,
)
from ports.inbound.buses import QueryBus

_LABELS: Mapping[TicketView, str] = {
    TicketView.MINE: "Mine",
    TicketView.UNASSIGNED: "Unassigned",
    TicketView.ALL: "All",
    TicketView.CLOSED: "Closed",
}
_STATES: Mapping[TicketView, Sequence[TicketState]] = {
    TicketView.ALL: tuple(TicketState),
    TicketView.CLOSED: (TicketState.RESOLVED, TicketState.CANCELLED),
}
_FILTERS = {"state": "State", "type": "Type", "assignee": "Assignee"}


def add_ticket_list(
    blueprint: Blueprint,
    *,
    queries: QueryBus,
    colleagues: Colleagues,
    events_behind: Callable[[], int],
) -> None:
    @blueprint.get("/tickets")
    @staff
    def tickets() -> str:
        view = _chosen_view()
        listing = _listing(view)
        myself = colleagues.myself()
        employee_id = myself.employee_id if myself else ""
        filters = listing.filters
        page: TicketPage = queries.ask(
            ListTickets(
                view=view,
                employee_id=employee_id,
                search=listing.search,
                state=TicketState(filters["state"]) if "state" in filters else None,
                assignee_id=filters.get("assignee", ""),
                type=filters.get("type", ""),
                sort=TicketSort(listing.sort),
                descending=listing.descending,
                page=listing.page,
                page_size=listing.size,
            )
        )
        offered = _offered(queries, colleagues, view, filters)
        return render_template(
            "backoffice/tickets.html",
            view=view,
            view_label=_LABELS[view],
            listing=listing,
            page=page,
            pager=Pagination(
                request=listing,
                shown=len(page.rows),
                total=page.total,
                total_is_exact=page.total < COUNT_LIMIT,
            ),
            tabs=_tabs(listing, view, queries.ask(CountTickets(employee_id=employee_id))),
            active=_active(listing, offered),
            offered=offered,
            filter_labels=_FILTERS,
            tags=TICKET_TAGS,
            behind=events_behind(),
        )


def _chosen_view() -> TicketView:
    asked = request.args.get("view", "")
    if asked in set(TicketView):
        return TicketView(asked)
    # The search box of every page names no view: it looks everywhere.
    return TicketView.ALL if request.args.get("q") else TicketView.UNASSIGNED


def _listing(view: TicketView) -> ListRequest:
    filters: dict[str, Sequence[str] | None] = {"type": None}
    if view in _STATES:
        filters |= {"state": _STATES[view], "assignee": None}
    arguments: MultiDict[str, str] = MultiDict(request.args)
    arguments["view"] = view.value
    if not is_uuid_text(arguments.get("assignee", "")):
        arguments.pop("assignee", None)
    return parse_list_request(
        url_for("backoffice.tickets"),
        arguments,
        sorts=tuple(TicketSort),
        default_sort=TicketSort.NUMBER,
        default_descending=True,
        filters=filters,
    )


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
    if view in _STATES:
        people: Options = [(one.employee_id, one.name) for one in colleagues.active()]
        offered = {
            "state": [(state.value, TICKET_TAGS[state].text) for state in _STATES[view]],
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
