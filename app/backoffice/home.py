"""What waits for whoever opens the desk."""

from collections.abc import Callable

from flask import Blueprint, render_template

from app.backoffice.colleagues import Colleagues
from app.backoffice.words import TICKET_TAGS
from app.identity.access import staff
from ports.backoffice.queries import (
    CountTickets,
    ListTickets,
    NextUnassignedTickets,
    TicketSort,
    TicketView,
)
from ports.inbound.buses import QueryBus

_SHOWN = 5


def add_home(
    blueprint: Blueprint,
    *,
    queries: QueryBus,
    colleagues: Colleagues,
    events_behind: Callable[[], int],
) -> None:
    @blueprint.get("/")
    @staff
    def home() -> str:
        myself = colleagues.myself()
        employee_id = myself.employee_id if myself else ""
        own = ListTickets(
            view=TicketView.MINE if myself else TicketView.ALL,
            employee_id=employee_id,
            sort=TicketSort.CHANGED,
            page_size=_SHOWN,
        )
        return render_template(
            "backoffice/home.html",
            myself=myself,
            counts=queries.ask(CountTickets(employee_id=employee_id)),
            waiting=queries.ask(NextUnassignedTickets(limit=_SHOWN)),
            latest=queries.ask(own).rows,
            tags=TICKET_TAGS,
            behind=events_behind(),
        )
