"""What Backoffice contributes to its runtime."""

from dataclasses import dataclass

from adapters.backoffice.account_access import AccountsAccess
from adapters.backoffice.employee_directory import SqlEmployeeDirectory, SqlEmployeeEmails
from adapters.backoffice.employee_queries import EmployeeQueries
from adapters.backoffice.employee_records import EMPLOYEE_RECORDS
from adapters.backoffice.invitations import MailedInvitations
from adapters.backoffice.ticket_history import TicketHistories
from adapters.backoffice.ticket_list import TicketList
from adapters.backoffice.ticket_numbers import SqlTicketNumbers
from adapters.backoffice.unassigned_tickets import UnassignedTickets
from adapters.sql.connections import Connections
from domain.backoffice.employee.employee import Employee
from domain.backoffice.employee.policies import AccessAtOnce, AccessByMessage, Invitation
from domain.backoffice.ticket.policies import Announcements
from domain.backoffice.ticket.ticket import Ticket
from ports.backoffice.account_access import AccountAccess
from ports.backoffice.employee_emails import EmployeeEmails
from ports.backoffice.employees import EmployeeDirectory
from ports.backoffice.invitations import Invitations
from ports.backoffice.numbers import TicketNumbers
from ports.outbound.account_mails import AccountMails
from ports.outbound.accounts import Accounts
from ports.outbound.serialization import Serialization
from ports.outbound.transactions import Store

AGGREGATES = (Ticket, Employee)
MAPPINGS = (EMPLOYEE_RECORDS,)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackofficeParts:
    """``accounts`` join the unit of work when ``accounts_in_store``; otherwise their changes follow
    by message."""

    store: Store
    connections: Connections
    serialization: Serialization
    accounts: Accounts
    accounts_in_store: bool
    account_mails: AccountMails


def handlers(parts: BackofficeParts) -> list[object]:
    return [
        Announcements(),
        Invitation(),
        AccessAtOnce() if parts.accounts_in_store else AccessByMessage(),
        TicketList(parts.connections),
        UnassignedTickets(parts.connections),
        TicketHistories(parts.store, parts.serialization),
        EmployeeQueries(parts.connections),
    ]


def services(parts: BackofficeParts) -> dict[type, object]:
    return {
        TicketNumbers: SqlTicketNumbers(parts.connections),
        EmployeeDirectory: SqlEmployeeDirectory(parts.connections),
        EmployeeEmails: SqlEmployeeEmails(parts.connections),
        AccountAccess: AccountsAccess(parts.accounts),
        Invitations: MailedInvitations(parts.accounts, parts.account_mails),
    }
