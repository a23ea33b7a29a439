"""What the suites of accounts and sessions share. Both are tested together: they end each other."""

from dataclasses import dataclass
from datetime import timedelta

from adapters.memory.time import VirtualClock
from ports.outbound.accounts import Account, Accounts, Role, TokenPurpose
from ports.outbound.sessions import SessionLifetimes, Sessions

HOUR = timedelta(hours=1)
LIFETIMES = SessionLifetimes(idle=timedelta(hours=2), absolute=timedelta(hours=10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    accounts: Accounts
    sessions: Sessions
    clock: VirtualClock

    def open_ada(self, *, password_hash: str = "hash of a password") -> Account:
        self.accounts.open(
            "a-1",
            email="Ada@Example.com",
            display_name="Ada",
            role=Role.EMPLOYEE,
            password_hash=password_hash,
        )
        account = self.accounts.find("a-1")
        assert account is not None
        return account

    def sign_in(self, email: str = "ada@example.com", *, client: str = "") -> str:
        credentials = self.accounts.credentials(email)
        assert credentials is not None
        return self.sessions.begin(
            credentials.account.account_id, generation=credentials.generation, client=client
        )

    def invite(self, *, series: str = "") -> str:
        return self.accounts.create_token(
            "a-1", TokenPurpose.INVITATION, valid_for=HOUR, series=series
        )
