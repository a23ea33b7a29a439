"""What waits for whoever opens the desk."""

from collections.abc import Callable

from flask import Blueprint, Response, render_template

from app.backoffice.colleagues import Colleagues
from app.backoffice.lists_progress import ListsProgress
from app.backoffice.words import TICKET_TAGS
from app.identity.access import staff
from app.web.fragments import is_fragment_request, live_region
from ports.backoffice.queries import (
    CountTickets,
    EmployeeFacts,
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
    lists_progress: Callable[[], ListsProgress],
) -> None:
    @blueprint.get("/")
    @staff
    def home() -> str | Response:
        progress = lists_progress()
        myself = colleagues.myself()
        if is_fragment_request():
            return live_region(
                (myself, progress.behind, progress.read),
                lambda: drawn("backoffice/waiting.html", myself, progress),
            )
        return drawn("backoffice/home.html", myself, progress)

    def drawn(template: str, myself: EmployeeFacts | None, progress: ListsProgress) -> str:
        employee_id = myself.employee_id if myself else ""
        own = ListTickets(
            view=TicketView.MINE if myself else TicketView.ALL,
            employee_id=employee_id,
            sort=TicketSort.CHANGED,
            page_size=_SHOWN,
        )
        return render_template(
            template,
            myself=myself,
            counts=queries.ask(CountTickets(employee_id=employee_id)),
            waiting=queries.ask(NextUnassignedTickets(limit=_SHOWN)),
            latest=queries.ask(own).rows,
            tags=TICKET_TAGS,
            behind=progress.behind,
        )
