"""Whenever an employee comes or goes: how signing in follows.

A runtime gets :class:`Invitation` and one of the two others: :class:`AccessAtOnce` where accounts
are in the store of this context, :class:`AccessByMessage` where they are in another.
"""

from typing import Annotated

from domain.backoffice.employee.messages import (
    EmployeeInvitationWasRequested,
    EmployeeWasActivated,
    EmployeeWasDeactivated,
)
from ports.backoffice.account_access import AccountAccess
from ports.backoffice.invitations import Invitations
from ports.backoffice.queries import EmployeeDetails, EmployeeFacts, EmployeeStatus
from ports.headers import MESSAGE_ID
from ports.inbound.buses import QueryBus
from ports.inbound.delivery import asynchronous, outside
from ports.inbound.handlers import event_handler
from ports.inbound.parameters import Header

DISTRIBUTION = "distribution"
INVITATIONS = "invitations"


class Invitation:
    @asynchronous(INVITATIONS)
    @outside()
    @event_handler(endpoint="employee.invite")
    def invite(
        self,
        event: EmployeeInvitationWasRequested,
        queries: QueryBus,
        invitations: Invitations,
        message_id: Annotated[str, Header(MESSAGE_ID)],
    ) -> None:
        # An invitation opens the account, so one that waited must not let in who left meanwhile.
        if _is_active(event.employee_id, queries):
            invitations.invite(
                account_id=event.account_id,
                name=event.name,
                email=event.email,
                message_id=message_id,
            )


class AccessAtOnce:
    """Sessions end in the very commit that deactivates the employee."""

    @event_handler(endpoint="employee.restore_access")
    def restore(self, event: EmployeeWasActivated, access: AccountAccess) -> None:
        access.restore(event.account_id)

    @event_handler(endpoint="employee.suspend_access")
    def suspend(self, event: EmployeeWasDeactivated, access: AccountAccess) -> None:
        access.suspend(event.account_id)


class AccessByMessage:
    """Sessions end as soon as the message arrives. Messages may overtake each other, so what counts
    is how the employee stands by then."""

    @asynchronous(DISTRIBUTION)
    @outside()
    @event_handler(endpoint="employee.restore_access")
    def restore(
        self, event: EmployeeWasActivated, queries: QueryBus, access: AccountAccess
    ) -> None:
        _settle(event.employee_id, event.account_id, queries, access)

    @asynchronous(DISTRIBUTION)
    @outside()
    @event_handler(endpoint="employee.suspend_access")
    def suspend(
        self, event: EmployeeWasDeactivated, queries: QueryBus, access: AccountAccess
    ) -> None:
        _settle(event.employee_id, event.account_id, queries, access)


def _settle(employee_id: str, account_id: str, queries: QueryBus, access: AccountAccess) -> None:
    if _is_active(employee_id, queries):
        access.restore(account_id)
    else:
        access.suspend(account_id)


def _is_active(employee_id: str, queries: QueryBus) -> bool:
    found: EmployeeFacts | None = queries.ask(EmployeeDetails(employee_id=employee_id))
    return found is not None and found.status is EmployeeStatus.ACTIVE
