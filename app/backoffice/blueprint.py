"""The pages of the desk, put together."""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint

from app.backoffice.colleagues import Colleagues
from app.backoffice.employee_actions import add_employee_actions
from app.backoffice.employees import add_employee_pages
from app.backoffice.home import add_home
from app.backoffice.lists_progress import ListsProgress
from app.backoffice.preparing import add_preparing
from app.backoffice.ticket_actions import add_ticket_actions
from app.backoffice.ticket_bulk import add_ticket_bulk
from app.backoffice.ticket_page import TicketPages, add_ticket_page
from app.backoffice.tickets import add_ticket_list
from app.identity.auditing import Auditing
from app.messaging.transactions import Transactions
from ports.backoffice.sign_in_addresses import SignInAddresses
from ports.contracts.numbers import issue_label, ticket_label
from ports.inbound.buses import CommandBus, QueryBus
from ports.outbound.time import Identifiers


def backoffice_blueprint(
    *,
    commands: CommandBus,
    queries: QueryBus,
    identifiers: Identifiers,
    sign_in_addresses: SignInAddresses,
    transactions: Transactions,
    auditing: Auditing,
    now: Callable[[], datetime],
    lists_progress: Callable[[], ListsProgress],
) -> Blueprint:
    blueprint = Blueprint(
        "backoffice", __name__, url_prefix="/backoffice", template_folder="templates"
    )
    blueprint.add_app_template_filter(issue_label)
    blueprint.add_app_template_filter(ticket_label)
    colleagues = Colleagues(queries)
    pages = TicketPages(queries=queries, colleagues=colleagues)
    add_home(blueprint, queries=queries, colleagues=colleagues, lists_progress=lists_progress)
    add_ticket_list(
        blueprint, queries=queries, colleagues=colleagues, lists_progress=lists_progress
    )
    add_preparing(blueprint, commands=commands, identifiers=identifiers, pages=pages)
    add_ticket_page(blueprint, pages=pages, colleagues=colleagues)
    add_ticket_actions(blueprint, commands=commands, pages=pages, colleagues=colleagues)
    add_ticket_bulk(blueprint, commands=commands, pages=pages, colleagues=colleagues)
    add_employee_pages(blueprint, queries=queries, colleagues=colleagues)
    add_employee_actions(
        blueprint,
        commands=commands,
        identifiers=identifiers,
        colleagues=colleagues,
        sign_in_addresses=sign_in_addresses,
        transactions=transactions,
        auditing=auditing,
        now=now,
    )
    return blueprint
