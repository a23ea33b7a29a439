import pytest

from adapters.memory.accounts import MemoryAccounts, MemorySessions
from adapters.memory.time import VirtualClock
from tests.suites.accounts_suite import AccountsSuite, TokensSuite
from tests.suites.identity import LIFETIMES, Identity
from tests.suites.sessions_suite import SessionsSuite


class _InMemory:
    @pytest.fixture
    def identity(self) -> Identity:
        clock = VirtualClock()
        accounts = MemoryAccounts(clock)
        return Identity(
            accounts=accounts, sessions=MemorySessions(accounts, clock, LIFETIMES), clock=clock
        )


class TestMemoryAccounts(_InMemory, AccountsSuite):
    pass


class TestMemoryTokens(_InMemory, TokensSuite):
    pass


class TestMemorySessions(_InMemory, SessionsSuite):
    pass
