from datetime import timedelta

import pytest

from adapters.memory.accounts import MemoryAccounts
from adapters.memory.time import VirtualClock
from app.identity.recovery import password_reset_link
from ports.outbound.accounts import NoSuchAccount, Role, TokenIsInvalid, TokenPurpose

ADDRESS = "operator@example.com"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def accounts(clock: VirtualClock) -> MemoryAccounts:
    accounts = MemoryAccounts(clock)
    accounts.open("o-1", email=ADDRESS, display_name="Operator", role=Role.OPERATOR)
    return accounts


def test_a_lost_password_is_replaced_without_any_mail(
    accounts: MemoryAccounts, clock: VirtualClock
) -> None:
    link = password_reset_link(
        accounts,
        email=ADDRESS.upper(),
        public_url="http://127.0.0.1:8000/",
        valid_for=timedelta(minutes=5),
    )

    address, _, token = link.rpartition("/")
    assert address == "http://127.0.0.1:8000/password-reset"
    assert accounts.find_by_token(token, TokenPurpose.RESET).account_id == "o-1"
    clock.advance(timedelta(minutes=5))
    with pytest.raises(TokenIsInvalid):
        accounts.redeem(token, TokenPurpose.RESET, password_hash="new")


def test_there_is_no_link_for_who_may_not_sign_in(accounts: MemoryAccounts) -> None:
    with pytest.raises(NoSuchAccount):
        password_reset_link(accounts, email="nobody@example.com", public_url="http://h")

    accounts.suspend("o-1")

    with pytest.raises(NoSuchAccount):
        password_reset_link(accounts, email=ADDRESS, public_url="http://h")
