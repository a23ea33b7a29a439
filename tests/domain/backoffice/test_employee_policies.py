from dataclasses import dataclass, field

import pytest

from app.testing.flow import Flow
from domain.backoffice.employee.employee import Employee
from domain.backoffice.employee.messages import (
    ActivateEmployee,
    DeactivateEmployee,
    InviteEmployeeAgain,
    RegisterEmployee,
)
from domain.backoffice.employee.policies import AccessAtOnce, AccessByMessage, Invitation
from ports.backoffice.account_access import AccountAccess
from ports.backoffice.employee_emails import EmployeeEmails
from ports.backoffice.invitations import Invitations
from ports.backoffice.queries import EmployeeDetails, EmployeeFacts, EmployeeStatus
from ports.inbound.handlers import query_handler
from ports.outbound.time import Identifiers
from ports.outbound.transactions import Store
from tests.domain.minting import KnownIdentifiers, uuid_text

ADA = uuid_text(11)
ACCOUNT = uuid_text(900)
REGISTER = RegisterEmployee(employee_id=ADA, name="Ada", email="ada@example.com")
ACTIVATE = ActivateEmployee(employee_id=ADA)
DEACTIVATE = DeactivateEmployee(employee_id=ADA)


class AnyEmail:
    def reserve(self, email: str, employee_id: str) -> bool:
        return True


class EmployeeRecords:
    """Stands in for the query over the table of employees."""

    def __init__(self) -> None:
        self.store: Store | None = None

    @query_handler()
    def details(self, query: EmployeeDetails) -> EmployeeFacts | None:
        assert self.store is not None
        unit = self.store.begin()
        try:
            found = unit.aggregates("employee").find(query.employee_id)
        finally:
            unit.rollback()
        if found is None:
            return None
        assert isinstance(found.aggregate, Employee)
        employee = found.aggregate
        return EmployeeFacts(
            employee_id=employee.employee_id,
            account_id=employee.account_id,
            name=employee.name,
            email=employee.email.text,
            status=EmployeeStatus.ACTIVE if employee.active else EmployeeStatus.INACTIVE,
            open_tickets=0,
            registered_at=employee.registered_at,
            activated_at=employee.activated_at,
            deactivated_at=employee.deactivated_at,
            invited_at=employee.invited_at,
        )


@dataclass
class Invited:
    mails: list[tuple[str, str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def invite(self, *, account_id: str, name: str, email: str, message_id: str) -> None:
        self.mails.append((account_id, name, email))
        self.ids.append(message_id)


@dataclass
class Access:
    calls: list[str] = field(default_factory=list)

    def suspend(self, account_id: str) -> None:
        self.calls.append(f"suspend {account_id}")

    def restore(self, account_id: str) -> None:
        self.calls.append(f"restore {account_id}")


class Staff:
    def __init__(self, access_policy: object) -> None:
        self.invited, self.access, records = Invited(), Access(), EmployeeRecords()
        self.flow = Flow(
            context="backoffice",
            aggregates=[Employee],
            handlers=[Invitation(), access_policy, records],
            services={
                Identifiers: KnownIdentifiers(),
                EmployeeEmails: AnyEmail(),
                Invitations: self.invited,
                AccountAccess: self.access,
            },
            channels=["distribution", "invitations"],
        )
        records.store = self.flow.store
        self.flow.send(REGISTER)


@pytest.fixture
def staff() -> Staff:
    return Staff(AccessAtOnce())


@pytest.fixture
def staff_elsewhere() -> Staff:
    return Staff(AccessByMessage())


def test_the_first_activation_leads_to_one_invitation(staff: Staff) -> None:
    staff.flow.send(ACTIVATE)
    staff.flow.send(ACTIVATE)
    staff.flow.run_all()

    assert staff.invited.mails == [(ACCOUNT, "Ada", "ada@example.com")]


def test_registering_alone_invites_nobody(staff: Staff) -> None:
    staff.flow.run_all()

    assert staff.invited.mails == []


def test_a_second_invitation_is_another_mail(staff: Staff) -> None:
    staff.flow.send(ACTIVATE)
    staff.flow.send(InviteEmployeeAgain(employee_id=ADA))
    staff.flow.run_all()

    assert len(set(staff.invited.ids)) == len(staff.invited.mails) == 2


def test_an_invitation_that_waited_does_not_let_in_who_left_meanwhile(staff: Staff) -> None:
    staff.flow.send(ACTIVATE)
    staff.flow.send(DEACTIVATE)
    staff.flow.run_all()

    assert staff.invited.mails == []


def test_access_ends_at_once_where_accounts_are_in_the_same_store(staff: Staff) -> None:
    staff.flow.send(ACTIVATE)
    staff.flow.send(DEACTIVATE)

    assert staff.access.calls == [f"restore {ACCOUNT}", f"suspend {ACCOUNT}"]


def test_access_ends_by_message_where_accounts_are_elsewhere(staff_elsewhere: Staff) -> None:
    staff_elsewhere.flow.send(ACTIVATE)
    staff_elsewhere.flow.run_all()
    staff_elsewhere.flow.send(DEACTIVATE)
    before = list(staff_elsewhere.access.calls)
    staff_elsewhere.flow.run_all()

    assert before == [f"restore {ACCOUNT}"]
    assert staff_elsewhere.access.calls == [f"restore {ACCOUNT}", f"suspend {ACCOUNT}"]


def test_messages_that_overtake_each_other_never_let_in_who_left(staff_elsewhere: Staff) -> None:
    staff_elsewhere.flow.send(ACTIVATE)
    staff_elsewhere.flow.send(DEACTIVATE)
    staff_elsewhere.flow.run_all()

    assert set(staff_elsewhere.access.calls) == {f"suspend {ACCOUNT}"}
