"""The language of employees: what may be asked, and what happened."""

from dataclasses import dataclass

from ports.inbound.handlers import named

LONGEST_NAME = 100

REGISTER_EMPLOYEE = "employee.register"
ACTIVATE_EMPLOYEE = "employee.activate"
DEACTIVATE_EMPLOYEE = "employee.deactivate"
INVITE_EMPLOYEE_AGAIN = "employee.invite_again"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEmployee:
    """Somebody new, inactive at first. The same id with the same details again: nothing.

    Answered with the employee's id.

    Raises:
        InvalidEmailAddress, EmployeeFieldIsInvalid, EmailIsTaken
        EmployeeIsRegisteredAlready: the id was used with other details.
    """

    employee_id: str  # a UUID, minted where the form is made
    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateEmployee:
    """May sign in and take tickets; the first time, an invitation is sent. Active already:
    nothing. Answered with whether anything changed."""

    employee_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeactivateEmployee:
    """May no longer sign in; tickets stay assigned. Inactive already: nothing. Answered with
    whether anything changed."""

    employee_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteEmployeeAgain:
    """A new invitation, because the first was lost or has expired.

    Raises:
        EmployeeIsInactive
    """

    employee_id: str


@named("employee.was_registered")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeWasRegistered:
    employee_id: str


@named("employee.was_activated")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeWasActivated:
    employee_id: str
    account_id: str


@named("employee.was_deactivated")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeWasDeactivated:
    employee_id: str
    account_id: str


@named("employee.invitation_was_requested")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeInvitationWasRequested:
    employee_id: str
    account_id: str
    name: str
    email: str
