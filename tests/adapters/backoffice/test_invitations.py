from dataclasses import dataclass, field

import pytest

from adapters.backoffice.account_access import AccountsAccess
from adapters.backoffice.invitations import MailedInvitations
from adapters.backoffice.sign_in_addresses import AccountAddresses
from adapters.memory.accounts import MemoryAccounts
from adapters.memory.time import VirtualClock
from ports.outbound.accounts import EmailIsTaken, Role


@dataclass
class Invited:
    account_ids: list[tuple[str, str]] = field(default_factory=list)

    def invite(self, account_id: str, *, message_id: str) -> None:
        self.account_ids.append((account_id, message_id))

    def help_back_in(self, email: str, *, message_id: str) -> None:
        raise AssertionError("nobody asked")


@pytest.fixture
def accounts() -> MemoryAccounts:
    return MemoryAccounts(VirtualClock())


@pytest.fixture
def invited() -> Invited:
    return Invited()


@pytest.fixture
def invitations(accounts: MemoryAccounts, invited: Invited) -> MailedInvitations:
    return MailedInvitations(accounts, invited)


def invite(invitations: MailedInvitations, message_id: str = "m-1") -> None:
    invitations.invite(
        account_id="a-1", name="Emil", email="emil@example.com", message_id=message_id
    )


def test_inviting_opens_an_account_of_an_employee(
    invitations: MailedInvitations, accounts: MemoryAccounts, invited: Invited
) -> None:
    invite(invitations)
    invite(invitations)

    account = accounts.find("a-1")
    assert account is not None
    assert (account.role, account.display_name, account.active) == (Role.EMPLOYEE, "Emil", True)
    assert not account.has_password
    assert invited.account_ids == [("a-1", "m-1"), ("a-1", "m-1")]


def test_an_employee_who_left_before_the_invitation_was_handled_stays_out(
    invitations: MailedInvitations, accounts: MemoryAccounts
) -> None:
    AccountsAccess(accounts).suspend("a-1")

    invite(invitations)

    account = accounts.find("a-1")
    assert account is not None
    assert not account.active


def test_an_employee_who_came_back_gets_in(
    invitations: MailedInvitations, accounts: MemoryAccounts
) -> None:
    access = AccountsAccess(accounts)
    access.suspend("a-1")
    access.restore("a-1")

    invite(invitations)
    access.suspend("a-1")
    access.restore("a-1")

    account = accounts.find("a-1")
    assert account is not None
    assert account.active


def test_an_address_with_which_somebody_else_signs_in_cannot_be_invited(
    invitations: MailedInvitations, accounts: MemoryAccounts, invited: Invited
) -> None:
    accounts.open("o-1", email="Emil@example.com", display_name="Olga", role=Role.OPERATOR)

    with pytest.raises(EmailIsTaken):
        invite(invitations)

    assert invited.account_ids == []


def test_an_operators_address_is_taken_and_an_employees_is_not(accounts: MemoryAccounts) -> None:
    accounts.open("o-1", email="Olga@example.com", display_name="Olga", role=Role.OPERATOR)
    accounts.open("a-1", email="emil@example.com", display_name="Emil", role=Role.EMPLOYEE)
    addresses = AccountAddresses(accounts)

    taken = [addresses.is_taken(f"{name}@example.com") for name in ("olga", "emil", "nobody")]

    assert taken == [True, False, False]
