"""Which tickets a page's address asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import url_for
from werkzeug.datastructures import MultiDict

from app.web.paging import ListRequest, parse_list_request
from domain.plain_text import is_uuid_text
from ports.backoffice.queries import ListTickets, TicketSort, TicketState, TicketView

STATES: Mapping[TicketView, Sequence[TicketState]] = {
    TicketView.ALL: tuple(TicketState),
    TicketView.CLOSED: (TicketState.RESOLVED, TicketState.CANCELLED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    view: TicketView
    listing: ListRequest

    @property
    def url(self) -> str:
        """The address of this very page of the list."""
        return self.listing.url(page=self.listing.page if self.listing.page > 1 else None)

    @property
    def query(self) -> str:
        return self.url.partition("?")[2]

    def question(self, employee_id: str) -> ListTickets:
        """``employee_id`` is whoever looks; empty for operators."""
        listing = self.listing
        filters = listing.filters
        return ListTickets(
            view=self.view,
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


def wanted(arguments: MultiDict[str, str]) -> Wanted:
    view = _view(arguments)
    filters: dict[str, Sequence[str] | None] = {"type": None}
    if view in STATES:
        filters |= {"state": STATES[view], "assignee": None}
    kept: MultiDict[str, str] = MultiDict(arguments)
    kept["view"] = view.value
    if not is_uuid_text(kept.get("assignee", "")):
        kept.pop("assignee", None)
    listing = parse_list_request(
        url_for("backoffice.tickets"),
        kept,
        sorts=tuple(TicketSort),
        default_sort=TicketSort.NUMBER,
        default_descending=True,
        filters=filters,
    )
    return Wanted(view=view, listing=listing)


def _view(arguments: MultiDict[str, str]) -> TicketView:
    asked = arguments.get("view", "")
    if asked in set(TicketView):
        return TicketView(asked)
    # The search box of every page names no view: it looks everywhere.
    return TicketView.ALL if arguments.get("q") else TicketView.UNASSIGNED
