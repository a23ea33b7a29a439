"""What every implementation of accounts and their one-time tokens owes."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ports.outbound.accounts import (
    Account,
    EmailIsTaken,
    NoSuchAccount,
    Role,
    TokenIsInvalid,
    TokenPurpose,
)
from tests.suites.identity import HOUR, Identity


class AccountsSuite:
    @pytest.fixture
    def identity(self) -> Identity:
        raise NotImplementedError("a subclass provides the implementations under test")

    def test_an_account_that_was_opened_can_be_found_by_id_and_by_address(
        self, identity: Identity
    ) -> None:
        opened = identity.accounts.open(
            "a-1",
            email="Ada@Example.com",
            display_name="Ada",
            role=Role.EMPLOYEE,
            password_hash="",
        )

        assert opened
        expected = Account(
            account_id="a-1",
            email="Ada@Example.com",
            display_name="Ada",
            role=Role.EMPLOYEE,
            active=True,
            has_password=False,
            opened_at=identity.clock.now(),
        )
        assert identity.accounts.find("a-1") == expected
        assert identity.accounts.find_by_email("Ada@Example.com") == expected

    @pytest.mark.parametrize(
        "spelling", ["ada@example.com", "ADA@EXAMPLE.COM", " Ada@example.com\t"]
    )
    def test_the_case_of_an_address_does_not_matter(
        self, identity: Identity, spelling: str
    ) -> None:
        ada = identity.open_ada()

        assert identity.accounts.find_by_email(spelling) == ada

    def test_accents_that_are_written_in_two_ways_are_one_address(self, identity: Identity) -> None:
        identity.accounts.open(
            "a-2", email="jos\u00e9@example.com", display_name="José", role=Role.EMPLOYEE
        )

        found = identity.accounts.find_by_email("jose\u0301@example.com")

        assert found is not None
        assert found.account_id == "a-2"

    def test_opening_twice_changes_nothing_the_second_time(self, identity: Identity) -> None:
        before = identity.open_ada()
        identity.clock.advance(HOUR)

        again = identity.accounts.open(
            "a-1", email="other@example.com", display_name="Other", role=Role.OPERATOR
        )

        assert not again
        assert identity.accounts.find("a-1") == before

    def test_two_accounts_cannot_have_one_address(self, identity: Identity) -> None:
        identity.open_ada()

        with pytest.raises(EmailIsTaken):
            identity.accounts.open(
                "a-2", email="ADA@example.com", display_name="Other", role=Role.EMPLOYEE
            )

        assert identity.accounts.find("a-2") is None

    def test_an_address_that_nobody_has_finds_nobody(self, identity: Identity) -> None:
        identity.open_ada()

        assert identity.accounts.find("a-9") is None
        assert identity.accounts.find_by_email("") is None
        assert identity.accounts.find_by_email("bob@example.com") is None
        assert identity.accounts.credentials("bob@example.com") is None

    @pytest.mark.parametrize("text", ["\0", "ada@example.com\0", "\ud800", "a" * 100_000, "%", "'"])
    def test_text_that_no_account_can_have_finds_nobody(
        self, identity: Identity, text: str
    ) -> None:
        identity.open_ada()
        identity.sign_in()

        assert identity.accounts.find(text) is None
        assert identity.accounts.find_by_email(text) is None
        assert identity.accounts.credentials(text) is None
        assert not identity.sessions.end_one("a-1", text)

    def test_it_is_known_whether_a_role_was_given_to_anybody(self, identity: Identity) -> None:
        identity.open_ada()

        assert identity.accounts.exists_with_role(Role.EMPLOYEE)
        assert not identity.accounts.exists_with_role(Role.OPERATOR)

    def test_a_suspended_account_is_inactive_until_it_is_restored(self, identity: Identity) -> None:
        identity.open_ada()

        identity.accounts.suspend("a-1")
        identity.accounts.suspend("a-1")
        suspended = identity.accounts.find("a-1")
        identity.accounts.restore("a-1")
        identity.accounts.restore("a-1")
        restored = identity.accounts.credentials("ada@example.com")

        assert suspended is not None
        assert not suspended.active
        assert restored is not None
        assert restored.account.active
        assert restored.password_hash == "hash of a password"

    def test_an_account_that_was_suspended_before_it_was_opened_lets_nobody_in(
        self, identity: Identity
    ) -> None:
        identity.accounts.suspend("a-1")
        assert identity.accounts.find("a-1") is None
        assert identity.accounts.find_by_email("") is None

        ada = identity.open_ada()

        assert not ada.active
        assert identity.sessions.find(identity.sign_in()) is None

    def test_an_account_that_was_restored_before_it_was_opened_is_open(
        self, identity: Identity
    ) -> None:
        identity.accounts.restore("a-1")
        identity.accounts.suspend("a-1")
        identity.accounts.restore("a-1")

        assert identity.open_ada().active
        assert identity.sessions.find(identity.sign_in()) is not None

    def test_replacing_a_hash_ends_no_session_and_only_works_on_the_expected_one(
        self, identity: Identity
    ) -> None:
        identity.open_ada()
        token = identity.sign_in()

        identity.accounts.replace_hash("a-1", old="another", new="wrong")
        identity.accounts.replace_hash("a-1", old="hash of a password", new="stronger")

        credentials = identity.accounts.credentials("ada@example.com")
        assert credentials is not None
        assert credentials.password_hash == "stronger"
        assert identity.sessions.find(token) is not None

    def test_nobody_can_set_a_password_for_an_account_that_is_not_there(
        self, identity: Identity
    ) -> None:
        identity.accounts.suspend("a-2")

        with pytest.raises(NoSuchAccount):
            identity.accounts.set_password("a-1", "hash")
        with pytest.raises(NoSuchAccount):
            identity.accounts.set_password("a-2", "hash")

    def test_a_hash_is_not_shown_when_credentials_are_printed(self, identity: Identity) -> None:
        identity.open_ada()

        assert "hash of" not in repr(identity.accounts.credentials("ada@example.com"))


class TokensSuite:
    @pytest.fixture
    def identity(self) -> Identity:
        raise NotImplementedError("a subclass provides the implementations under test")

    def test_a_token_sets_the_password_once(self, identity: Identity) -> None:
        identity.open_ada(password_hash="")
        token = identity.invite()

        account = identity.accounts.redeem(token, TokenPurpose.INVITATION, password_hash="chosen")

        assert account.account_id == "a-1"
        assert account.has_password
        credentials = identity.accounts.credentials("ada@example.com")
        assert credentials is not None
        assert credentials.password_hash == "chosen"
        with pytest.raises(TokenIsInvalid):
            identity.accounts.redeem(token, TokenPurpose.INVITATION, password_hash="again")

    def test_looking_at_a_token_does_not_use_it(self, identity: Identity) -> None:
        ada = identity.open_ada()
        token = identity.invite()

        assert identity.accounts.find_by_token(token, TokenPurpose.INVITATION) == ada
        assert identity.accounts.find_by_token(token, TokenPurpose.INVITATION) == ada

    def test_a_token_is_good_for_its_purpose_only(self, identity: Identity) -> None:
        identity.open_ada()
        token = identity.invite()

        with pytest.raises(TokenIsInvalid):
            identity.accounts.find_by_token(token, TokenPurpose.RESET)
        with pytest.raises(TokenIsInvalid):
            identity.accounts.redeem(token, TokenPurpose.RESET, password_hash="x")

    @pytest.mark.parametrize("token", ["", "x", "\ud800", "é" * 43, "A" * 43, "'; DROP TABLE x"])
    def test_a_made_up_token_is_good_for_nothing(self, identity: Identity, token: str) -> None:
        identity.open_ada()
        identity.invite()

        with pytest.raises(TokenIsInvalid):
            identity.accounts.find_by_token(token, TokenPurpose.INVITATION)
        with pytest.raises(TokenIsInvalid):
            identity.accounts.redeem(token, TokenPurpose.INVITATION, password_hash="x")

    def test_a_token_expires(self, identity: Identity) -> None:
        identity.open_ada()
        token = identity.invite()

        identity.clock.advance(HOUR - timedelta(microseconds=1))
        identity.accounts.find_by_token(token, TokenPurpose.INVITATION)
        identity.clock.advance(timedelta(microseconds=1))

        with pytest.raises(TokenIsInvalid):
            identity.accounts.find_by_token(token, TokenPurpose.INVITATION)
        with pytest.raises(TokenIsInvalid):
            identity.accounts.redeem(token, TokenPurpose.INVITATION, password_hash="x")

    def test_expired_tokens_are_forgotten_a_few_at_a_time(self, identity: Identity) -> None:
        identity.open_ada()
        for _ in range(3):
            identity.invite(series="one mail")
        lasting = identity.accounts.create_token("a-1", TokenPurpose.RESET, valid_for=3 * HOUR)

        identity.clock.advance(HOUR)

        assert [identity.accounts.purge_tokens(limit=2) for _ in range(3)] == [2, 1, 0]
        identity.accounts.find_by_token(lasting, TokenPurpose.RESET)

    def test_a_new_token_voids_the_older_one_of_the_same_purpose(self, identity: Identity) -> None:
        identity.open_ada()
        older = identity.invite(series="mail 1")
        reset = identity.accounts.create_token("a-1", TokenPurpose.RESET, valid_for=HOUR)

        newer = identity.invite(series="mail 2")

        with pytest.raises(TokenIsInvalid):
            identity.accounts.find_by_token(older, TokenPurpose.INVITATION)
        identity.accounts.find_by_token(newer, TokenPurpose.INVITATION)
        identity.accounts.find_by_token(reset, TokenPurpose.RESET)

    def test_tokens_of_one_series_are_good_side_by_side_until_one_is_used(
        self, identity: Identity
    ) -> None:
        identity.open_ada()
        first = identity.invite(series="mail 1")
        second = identity.invite(series="mail 1")

        identity.accounts.find_by_token(second, TokenPurpose.INVITATION)
        identity.accounts.redeem(first, TokenPurpose.INVITATION, password_hash="x")

        with pytest.raises(TokenIsInvalid):
            identity.accounts.find_by_token(second, TokenPurpose.INVITATION)

    def test_suspending_voids_tokens_and_restoring_does_not_revive_them(
        self, identity: Identity
    ) -> None:
        identity.open_ada()
        token = identity.invite()

        identity.accounts.suspend("a-1")
        with pytest.raises(TokenIsInvalid):
            identity.accounts.redeem(token, TokenPurpose.INVITATION, password_hash="x")
        identity.accounts.restore("a-1")

        with pytest.raises(TokenIsInvalid):
            identity.accounts.redeem(token, TokenPurpose.INVITATION, password_hash="x")

    def test_changing_the_password_voids_tokens(self, identity: Identity) -> None:
        identity.open_ada()
        token = identity.accounts.create_token("a-1", TokenPurpose.RESET, valid_for=HOUR)

        identity.accounts.set_password("a-1", "another")

        with pytest.raises(TokenIsInvalid):
            identity.accounts.find_by_token(token, TokenPurpose.RESET)

    def test_there_are_no_tokens_for_who_may_not_sign_in(self, identity: Identity) -> None:
        with pytest.raises(NoSuchAccount):
            identity.invite()

        identity.open_ada()
        identity.accounts.suspend("a-1")

        with pytest.raises(NoSuchAccount):
            identity.invite()

    def test_using_a_token_ends_every_session(self, identity: Identity) -> None:
        identity.open_ada()
        session = identity.sign_in()

        identity.accounts.redeem(identity.invite(), TokenPurpose.INVITATION, password_hash="chosen")

        assert identity.sessions.find(session) is None

    @pytest.mark.parametrize("series", ["", "one mail"])
    def test_of_many_who_use_a_token_at_once_one_succeeds(
        self, identity: Identity, series: str
    ) -> None:
        identity.open_ada()
        tokens = [identity.invite(series=series)] * 2
        if series:
            tokens.append(identity.invite(series=series))

        def use(number: int) -> str:
            token = tokens[number % len(tokens)]
            try:
                identity.accounts.redeem(
                    token, TokenPurpose.INVITATION, password_hash=f"hash {number}"
                )
            except TokenIsInvalid:
                return ""
            return f"hash {number}"

        succeeded = [result for result in at_once(6, use) if result]

        credentials = identity.accounts.credentials("ada@example.com")
        assert credentials is not None
        assert [credentials.password_hash] == succeeded


def at_once(count: int, action: Callable[[int], str]) -> list[str]:
    """Run the action in as many threads, started together; an exception in one is raised here."""
    start = threading.Barrier(count, timeout=10)

    def run(number: int) -> str:
        start.wait()
        return action(number)

    with ThreadPoolExecutor(max_workers=count) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, n) for n in range(count)]]
