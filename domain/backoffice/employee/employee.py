"""Somebody who works at the desk: a state-stored aggregate."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from domain.backoffice.employee.errors import (
    EmailIsTaken,
    EmployeeFieldIsInvalid,
    EmployeeIsRegisteredAlready,
)
from domain.backoffice.employee.messages import (
    ACTIVATE_EMPLOYEE,
    DEACTIVATE_EMPLOYEE,
    INVITE_EMPLOYEE_AGAIN,
    LONGEST_NAME,
    REGISTER_EMPLOYEE,
    ActivateEmployee,
    DeactivateEmployee,
    EmployeeInvitationWasRequested,
    EmployeeWasActivated,
    EmployeeWasDeactivated,
    EmployeeWasRegistered,
    InviteEmployeeAgain,
    RegisterEmployee,
)
from domain.backoffice.errors import EmployeeIsInactive
from domain.email_address import EmailAddress
from domain.plain_text import is_uuid_text, one_line
from ports.backoffice.employee_emails import EmployeeEmails
from ports.headers import TIMESTAMP
from ports.inbound.aggregates import RecordsEvents, aggregate
from ports.inbound.handlers import command_handler
from ports.inbound.parameters import Header
from ports.outbound.time import Identifiers

Now = Annotated[datetime, Header(TIMESTAMP)]


@aggregate("employee", identifier="employee_id")
@dataclass(slots=True, kw_only=True, eq=False)
class Employee(RecordsEvents):
    """Inactive until somebody activates the record. ``account_id`` is how the employee signs in:
    minted here, otherwise opaque."""

    employee_id: str
    account_id: str
    name: str
    email: EmailAddress
    registered_at: datetime
    active: bool = False
    activated_at: datetime | None = None
    deactivated_at: datetime | None = None
    invited_at: datetime | None = None

    @classmethod
    @command_handler(REGISTER_EMPLOYEE)
    def register(
        cls,
        command: RegisterEmployee,
        emails: EmployeeEmails,
        identifiers: Identifiers,
        now: Now,
    ) -> Self:
        if not is_uuid_text(command.employee_id):
            raise EmployeeFieldIsInvalid("employee_id", "is not a UUID in its usual form")
        name, email = _name(command.name), EmailAddress.parse(command.email)
        if not emails.reserve(email.text, command.employee_id):
            raise EmailIsTaken
        employee = cls(
            employee_id=command.employee_id,
            account_id=identifiers.new(),
            name=name,
            email=email,
            registered_at=now,
        )
        employee.record(EmployeeWasRegistered(employee_id=employee.employee_id))
        return employee

    @command_handler(REGISTER_EMPLOYEE)
    def register_again(self, command: RegisterEmployee) -> str:
        """A form that was sent twice. Nothing happens, unless the second says something else.

        Raises:
            EmployeeIsRegisteredAlready
        """
        if (one_line(command.name), EmailAddress.parse(command.email)) != (self.name, self.email):
            raise EmployeeIsRegisteredAlready(self.employee_id, self.name)
        return self.employee_id

    @command_handler(ACTIVATE_EMPLOYEE)
    def activate(self, command: ActivateEmployee, now: Now) -> bool:
        if self.active:
            return False
        self.active = True
        self.activated_at = now
        self.record(EmployeeWasActivated(employee_id=self.employee_id, account_id=self.account_id))
        if self.invited_at is None:
            self._invite(now)
        return True

    @command_handler(DEACTIVATE_EMPLOYEE)
    def deactivate(self, command: DeactivateEmployee, now: Now) -> bool:
        if not self.active:
            return False
        self.active = False
        self.deactivated_at = now
        self.record(
            EmployeeWasDeactivated(employee_id=self.employee_id, account_id=self.account_id)
        )
        return True

    @command_handler(INVITE_EMPLOYEE_AGAIN)
    def invite_again(self, command: InviteEmployeeAgain, now: Now) -> None:
        if not self.active:
            raise EmployeeIsInactive(self.employee_id, self.name)
        self._invite(now)

    def _invite(self, now: datetime) -> None:
        self.invited_at = now
        self.record(
            EmployeeInvitationWasRequested(
                employee_id=self.employee_id,
                account_id=self.account_id,
                name=self.name,
                email=self.email.text,
            )
        )


def _name(typed: str) -> str:
    name = one_line(typed)
    if not name:
        raise EmployeeFieldIsInvalid("name", "is empty")
    if len(name) > LONGEST_NAME:
        raise EmployeeFieldIsInvalid("name", f"has more than {LONGEST_NAME} characters")
    return name
