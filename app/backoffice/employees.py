"""Who works at the desk: the list, and one employee."""

from uuid import UUID

from flask import Blueprint, abort, render_template, request, url_for

from app.backoffice.colleagues import Colleagues
from app.backoffice.words import EMPLOYEE_TAGS, TICKET_TAGS
from app.identity.access import operators
from app.web.components import ActiveFilter, HistoryEntry
from app.web.paging import ListRequest, Pagination, parse_list_request
from ports.backoffice.queries import (
    COUNT_LIMIT,
    EmployeeFacts,
    EmployeePage,
    EmployeeSort,
    EmployeeStatus,
    ListEmployees,
    ListTickets,
    TicketSort,
    TicketState,
)
from ports.inbound.buses import QueryBus

_SHOWN_TICKETS = 10


def add_employee_pages(blueprint: Blueprint, *, queries: QueryBus, colleagues: Colleagues) -> None:
    @blueprint.get("/employees")
    @operators
    def employees() -> str:
        listing = parse_list_request(
            url_for("backoffice.employees"),
            request.args,
            sorts=tuple(EmployeeSort),
            default_sort=EmployeeSort.NAME,
            filters={"status": tuple(EmployeeStatus)},
        )
        status = listing.filters.get("status")
        page: EmployeePage = queries.ask(
            ListEmployees(
                search=listing.search,
                status=EmployeeStatus(status) if status else None,
                sort=EmployeeSort(listing.sort),
                descending=listing.descending,
                page=listing.page,
                page_size=listing.size,
            )
        )
        return render_template(
            "backoffice/employees.html",
            listing=listing,
            page=page,
            pager=Pagination(
                request=listing,
                shown=len(page.rows),
                total=page.total,
                total_is_exact=page.total < COUNT_LIMIT,
            ),
            active=_active(listing),
            statuses=[(status.value, EMPLOYEE_TAGS[status].text) for status in EmployeeStatus],
            tags=EMPLOYEE_TAGS,
        )

    @blueprint.get("/employees/<uuid:employee_id>")
    @operators
    def employee(employee_id: UUID) -> str:
        facts = colleagues.find(str(employee_id))
        if facts is None:
            abort(404)
        return render_template(
            "backoffice/employee.html",
            employee=facts,
            tag=EMPLOYEE_TAGS[facts.status],
            entries=_history(facts),
            tickets=queries.ask(
                ListTickets(
                    assignee_id=facts.employee_id,
                    state=TicketState.ASSIGNED,
                    sort=TicketSort.CHANGED,
                    page_size=_SHOWN_TICKETS,
                )
            ),
            tickets_url=open_tickets_url(facts),
            tags=TICKET_TAGS,
        )


def open_tickets_url(employee: EmployeeFacts) -> str:
    return url_for(
        "backoffice.tickets",
        view="all",
        state=TicketState.ASSIGNED.value,
        assignee=employee.employee_id,
    )


def _active(listing: ListRequest) -> list[ActiveFilter]:
    active = [
        ActiveFilter(
            label="Status",
            value=EMPLOYEE_TAGS[EmployeeStatus(value)].text,
            url_without=listing.url(**{name: None}),
        )
        for name, value in listing.filters.items()
    ]
    if listing.search:
        active.append(
            ActiveFilter(label="Text", value=listing.search, url_without=listing.url(q=None))
        )
    return active


def _history(employee: EmployeeFacts) -> list[HistoryEntry]:
    """The latest time of everything that can happen, newest first."""
    moments = (
        (employee.registered_at, "was registered", "user-plus"),
        (employee.activated_at, "was activated", "user-check"),
        (employee.invited_at, "was invited to set a password", "send"),
        (employee.deactivated_at, "was deactivated", "user-x"),
    )
    entries = [
        HistoryEntry(id=f"moment-{icon}", at=at, who=employee.name, what=what, icon=icon)
        for at, what, icon in moments
        if at is not None
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)
