"""The pages of the desk, put together."""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint

from app.backoffice.colleagues import Colleagues
from app.backoffice.employee_actions import add_employee_actions
from app.backoffice.employees import add_employee_pages
from app.backoffice.home import add_home
from app.backoffice.preparing import add_preparing
from app.backoffice.ticket_actions import add_ticket_actions
from app.backoffice.ticket_page import TicketPages, add_ticket_page
from app.backoffice.tickets import add_ticket_list
from ports.inbound.buses import CommandBus, QueryBus
from ports.outbound.audit import AuditLog
from ports.outbound.time import Identifiers


def backoffice_blueprint(
    *,
    commands: CommandBus,
    queries: QueryBus,
    identifiers: Identifiers,
    audit_log: AuditLog,
    now: Callable[[], datetime],
    events_behind: Callable[[], int],
) -> Blueprint:
    """``events_behind`` tells how many events the ticket lists have still to read."""
    blueprint = Blueprint(
        "backoffice", __name__, url_prefix="/backoffice", template_folder="templates"
    )
    colleagues = Colleagues(queries)
    pages = TicketPages(queries=queries, colleagues=colleagues)
    add_home(blueprint, queries=queries, colleagues=colleagues, events_behind=events_behind)
    add_ticket_list(blueprint, queries=queries, colleagues=colleagues, events_behind=events_behind)
    add_preparing(blueprint, commands=commands, identifiers=identifiers, pages=pages)
    add_ticket_page(blueprint, pages=pages, colleagues=colleagues)
    add_ticket_actions(blueprint, commands=commands, pages=pages, colleagues=colleagues)
    add_employee_pages(blueprint, queries=queries, colleagues=colleagues)
    add_employee_actions(
        blueprint,
        commands=commands,
        identifiers=identifiers,
        colleagues=colleagues,
        audit_log=audit_log,
        now=now,
    )
    return blueprint
