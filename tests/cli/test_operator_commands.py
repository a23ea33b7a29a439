"""Operators made, and let in again, by whoever runs the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.memory.accounts import MemoryAccounts
from adapters.memory.audit import MemoryAuditLog
from adapters.memory.time import SequentialIdentifiers, VirtualClock
from app.cli.commands import door
from app.cli.operators import AddressIsTaken, NoSuchOperator
from app.identity.operators import add_operator
from app.identity.recovery import password_reset_link
from domain.email_address import InvalidEmailAddress
from ports.outbound.accounts import Role, TokenIsInvalid, TokenPurpose

OLGA = "olga@thicket.example"
PUBLIC_URL = "http://127.0.0.1:8000"


@dataclass(kw_only=True)
class Machine:
    """Stands for the product that commands are given."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    identifiers: SequentialIdentifiers = field(default_factory=SequentialIdentifiers)
    audit: MemoryAuditLog = field(default_factory=MemoryAuditLog)

    def __post_init__(self) -> None:
        self.accounts = MemoryAccounts(self.clock)
        self.accounts.open("o-1", email=OLGA, display_name="Olga", role=Role.OPERATOR)
        self.accounts.open("e-1", email="eve@x.example", display_name="Eve", role=Role.EMPLOYEE)

    @contextmanager
    def opened(self, *, data: Path | None, reads_data: bool = True) -> Iterator["Machine"]:
        yield self

    def password_reset_link(self, email: str) -> str:
        return password_reset_link(self.accounts, email=email, public_url=PUBLIC_URL)

    def add_operator(self, account_id: str, *, email: str, display_name: str) -> str:
        return add_operator(
            self.accounts,
            account_id,
            email=email,
            display_name=display_name,
            public_url=PUBLIC_URL,
            valid_for=timedelta(days=3),
        )

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(door, ["operator", *arguments], obj=self, catch_exceptions=False)

    def recorded(self) -> list[tuple[str, str, str]]:
        entries = self.audit.newest(limit=10)
        return [(entry.actor.name, entry.action, entry.object) for entry in entries]


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_lost_password_is_replaced_by_a_link_that_works_once(machine: Machine) -> None:
    printed = machine.run("reset-password", OLGA.upper(), "--actor", "root").stdout

    address, _, token = printed.strip().rpartition("/")
    assert address == f"{PUBLIC_URL}/password-reset"
    account = machine.accounts.redeem(token, TokenPurpose.RESET, password_hash="new")
    assert account.account_id == "o-1"
    with pytest.raises(TokenIsInvalid):
        machine.accounts.redeem(token, TokenPurpose.RESET, password_hash="newer")
    assert machine.recorded() == [("root", "account.make_reset_link", "account/o-1")]


def test_by_default_the_record_names_who_ran_the_command(machine: Machine) -> None:
    machine.run("reset-password", OLGA)

    ((actor, _, _),) = machine.recorded()
    assert actor.endswith("(command line)")


@pytest.mark.parametrize(
    ("email", "why"),
    [
        ("nobody@thicket.example", "nobody has that address"),
        ("eve@x.example", "an employee"),
        (OLGA, "suspended"),
    ],
)
def test_there_is_no_link_for_whoever_is_no_active_operator(
    machine: Machine, email: str, why: str
) -> None:
    machine.accounts.suspend("o-1")

    with pytest.raises(NoSuchOperator, match=why):
        machine.run("reset-password", email)

    assert machine.recorded() == []


def test_another_operator_is_made_with_a_link_for_choosing_the_password(machine: Machine) -> None:
    printed = machine.run("add", "Uma@Thicket.example", "--name", "Uma", "--actor", "root").stdout

    address, _, token = printed.strip().rpartition("/")
    assert address == f"{PUBLIC_URL}/invitation"
    account = machine.accounts.redeem(token, TokenPurpose.INVITATION, password_hash="first")
    assert (account.email, account.display_name) == ("uma@thicket.example", "Uma")
    assert account.role is Role.OPERATOR
    assert machine.recorded() == [("root", "account.add_operator", f"account/{account.account_id}")]


def test_an_address_that_is_taken_is_refused_and_says_what_to_do(machine: Machine) -> None:
    with pytest.raises(AddressIsTaken, match="operator reset-password"):
        machine.run("add", OLGA)

    assert machine.recorded() == []


@pytest.mark.parametrize("email", ["", "uma", "uma@", "a b@x.example"])
def test_what_is_no_address_is_refused(machine: Machine, email: str) -> None:
    with pytest.raises(InvalidEmailAddress):
        machine.run("add", email)


def test_an_operator_needs_a_name(machine: Machine) -> None:
    done = machine.run("add", "uma@thicket.example", "--name", " ")

    assert done.exit_code == 2
    assert machine.accounts.find_by_email("uma@thicket.example") is None
