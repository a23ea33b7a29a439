"""What Backoffice contributes to its runtime."""

from adapters.backoffice.account_access import AccountsAccess
from adapters.backoffice.employee_directory import SqlEmployeeDirectory, SqlEmployeeEmails
from adapters.backoffice.employee_queries import EmployeeQueries
from adapters.backoffice.employee_records import EMPLOYEE_RECORDS
from adapters.backoffice.invitations import MailedInvitations
from adapters.backoffice.ticket_history import TicketHistories
from adapters.backoffice.ticket_list import TicketList
from adapters.backoffice.ticket_numbers import SqlTicketNumbers
from adapters.backoffice.unassigned_tickets import UnassignedTickets
from app.composition.contributions import Context, Supplies
from domain.backoffice.employee.employee import Employee
from domain.backoffice.employee.policies import AccessAtOnce, AccessByMessage, Invitation
from domain.backoffice.ticket.policies import Announcements
from domain.backoffice.ticket.ticket import Ticket
from ports.backoffice.account_access import AccountAccess
from ports.backoffice.employee_emails import EmployeeEmails
from ports.backoffice.employees import EmployeeDirectory
from ports.backoffice.invitations import Invitations
from ports.backoffice.numbers import TicketNumbers


def handlers(supplies: Supplies) -> list[object]:
    return [
        Announcements(),
        Invitation(),
        AccessAtOnce() if supplies.accounts_in_store else AccessByMessage(),
        TicketList(supplies.store.connections),
        UnassignedTickets(supplies.store.connections),
        TicketHistories(supplies.store, supplies.serialization),
        EmployeeQueries(supplies.store.connections),
    ]


def services(supplies: Supplies) -> dict[type, object]:
    return {
        TicketNumbers: SqlTicketNumbers(supplies.store.connections),
        EmployeeDirectory: SqlEmployeeDirectory(supplies.store.connections),
        EmployeeEmails: SqlEmployeeEmails(supplies.store.connections),
        AccountAccess: AccountsAccess(supplies.accounts),
        Invitations: MailedInvitations(supplies.accounts, supplies.account_mails),
    }


CONTEXT = Context(
    name="backoffice",
    aggregates=(Ticket, Employee),
    mappings=(EMPLOYEE_RECORDS,),
    handlers=handlers,
    services=services,
)
