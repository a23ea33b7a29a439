from dataclasses import replace

import pytest

from domain.backoffice.employee.employee import Employee
from domain.backoffice.employee.errors import (
    EmailIsTaken,
    EmployeeFieldIsInvalid,
    EmployeeIsRegisteredAlready,
)
from domain.backoffice.employee.messages import (
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
from domain.email_address import InvalidEmailAddress
from tests.domain.minting import NOON, KnownIdentifiers, after, uuid_text

ADA = uuid_text(11)
ACCOUNT = uuid_text(900)
REGISTER = RegisterEmployee(employee_id=ADA, name="Ada Lovelace", email="Ada@Example.com")
ACTIVATED = EmployeeWasActivated(employee_id=ADA, account_id=ACCOUNT)
INVITED = EmployeeInvitationWasRequested(
    employee_id=ADA, account_id=ACCOUNT, name="Ada Lovelace", email="ada@example.com"
)


class Emails:
    def __init__(self, **taken: str) -> None:
        self._owners = {email.replace("_at_", "@"): owner for email, owner in taken.items()}

    def reserve(self, email: str, employee_id: str) -> bool:
        return self._owners.setdefault(email, employee_id) == employee_id


def registered(command: RegisterEmployee = REGISTER, emails: Emails | None = None) -> Employee:
    return Employee.register(command, emails or Emails(), KnownIdentifiers(), NOON)


def an_employee(*, active: bool = False) -> Employee:
    employee = registered()
    if active:
        employee.activate(ActivateEmployee(employee_id=ADA), after(1))
    employee.pull_events()
    return employee


def test_a_registered_employee_is_inactive_at_first() -> None:
    employee = registered()

    assert employee.pull_events() == [EmployeeWasRegistered(employee_id=ADA)]
    assert not employee.active
    assert (employee.name, employee.email.text) == ("Ada Lovelace", "ada@example.com")
    assert employee.account_id == ACCOUNT


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (replace(REGISTER, name=" \n"), "name"),
        (replace(REGISTER, name="x" * 101), "name"),
        (replace(REGISTER, employee_id="ada"), "employee_id"),
    ],
)
def test_an_employee_needs_a_name_and_a_proper_id(command: RegisterEmployee, field: str) -> None:
    with pytest.raises(EmployeeFieldIsInvalid) as refusal:
        registered(command)

    assert refusal.value.field == field


def test_an_employee_needs_an_address_that_can_be_written_to() -> None:
    with pytest.raises(InvalidEmailAddress):
        registered(replace(REGISTER, email="ada"))


def test_the_address_of_another_employee_is_refused_in_any_case() -> None:
    taken = Emails(**{"ada_at_example.com": uuid_text(12)})

    with pytest.raises(EmailIsTaken):
        registered(REGISTER, taken)


def test_registering_the_same_again_changes_nothing() -> None:
    employee = an_employee()

    assert employee.register_again(replace(REGISTER, name=" Ada  Lovelace")) == ADA
    assert employee.pull_events() == []


def test_registering_somebody_else_under_the_same_id_is_refused() -> None:
    with pytest.raises(EmployeeIsRegisteredAlready):
        an_employee().register_again(replace(REGISTER, name="Bob"))


def test_the_first_activation_asks_for_an_invitation() -> None:
    employee = an_employee()

    changed = employee.activate(ActivateEmployee(employee_id=ADA), after(1))

    assert changed
    assert employee.pull_events() == [ACTIVATED, INVITED]
    assert employee.active
    assert (employee.activated_at, employee.invited_at) == (after(1), after(1))


def test_activating_again_changes_nothing() -> None:
    employee = an_employee(active=True)

    changed = employee.activate(ActivateEmployee(employee_id=ADA), after(2))

    assert not changed
    assert employee.pull_events() == []
    assert employee.activated_at == after(1)


def test_deactivating_is_announced_with_the_account() -> None:
    employee = an_employee(active=True)

    changed = employee.deactivate(DeactivateEmployee(employee_id=ADA), after(2))

    assert changed
    assert employee.pull_events() == [EmployeeWasDeactivated(employee_id=ADA, account_id=ACCOUNT)]
    assert not employee.active
    assert employee.deactivated_at == after(2)


def test_deactivating_who_is_inactive_changes_nothing() -> None:
    employee = an_employee()

    changed = employee.deactivate(DeactivateEmployee(employee_id=ADA), after(2))

    assert not changed
    assert employee.pull_events() == []


def test_a_later_activation_sends_no_second_invitation() -> None:
    employee = an_employee(active=True)
    employee.deactivate(DeactivateEmployee(employee_id=ADA), after(2))
    employee.pull_events()

    employee.activate(ActivateEmployee(employee_id=ADA), after(3))

    assert employee.pull_events() == [ACTIVATED]


def test_an_active_employee_can_be_invited_again() -> None:
    employee = an_employee(active=True)

    employee.invite_again(InviteEmployeeAgain(employee_id=ADA), after(2))

    assert employee.pull_events() == [INVITED]
    assert employee.invited_at == after(2)


def test_an_inactive_employee_is_not_invited() -> None:
    with pytest.raises(EmployeeIsInactive):
        an_employee().invite_again(InviteEmployeeAgain(employee_id=ADA), after(2))
