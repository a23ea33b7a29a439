"""What every implementation of accounts and sessions owes, since they end each other."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest

from adapters.memory.time import VirtualClock
from ports.outbound.accounts import (
    Account,
    Accounts,
    EmailIsTaken,
    NoSuchAccount,
    Role,
    TokenIsInvalid,
    TokenPurpose,
)
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


class SessionsSuite:
    @pytest.fixture
    def identity(self) -> Identity:
        raise NotImplementedError("a subclass provides the implementations under test")

    def test_a_session_says_who_is_signed_in(self, identity: Identity) -> None:
        identity.open_ada()

        token = identity.sign_in(client="Firefox on Linux")

        signed_in = identity.sessions.find(token)
        assert signed_in is not None
        assert signed_in.account.account_id == "a-1"
        assert signed_in.account.signed_in_at == identity.clock.now()
        assert signed_in.session.client == "Firefox on Linux"
        assert signed_in.session.began_at == identity.clock.now()
        assert signed_in.session.expires_at == identity.clock.now() + LIFETIMES.absolute

    def test_tokens_are_long_random_and_not_the_id_of_the_session(self, identity: Identity) -> None:
        identity.open_ada()

        tokens = {identity.sign_in() for _ in range(3)}

        assert len(tokens) == 3
        assert all(len(token) == 43 for token in tokens)
        ids = {session.session_id for session in identity.sessions.of_account("a-1")}
        assert len(ids) == 3
        assert not ids & tokens
        assert all(identity.sessions.find(session_id) is None for session_id in ids)

    @pytest.mark.parametrize("token", ["", "x", "\ud800", "A" * 43, "A" * 5000])
    def test_a_made_up_token_opens_nothing(self, identity: Identity, token: str) -> None:
        identity.open_ada()
        identity.sign_in()

        assert identity.sessions.find(token) is None
        identity.sessions.end(token)

    def test_signing_in_again_ends_the_session_it_replaces_and_no_other(
        self, identity: Identity
    ) -> None:
        identity.open_ada()
        replaced, other = identity.sign_in(), identity.sign_in()
        credentials = identity.accounts.credentials("ada@example.com")
        assert credentials is not None

        token = identity.sessions.begin("a-1", generation=credentials.generation, replaces=replaced)

        assert identity.sessions.find(replaced) is None
        assert identity.sessions.find(other) is not None
        assert identity.sessions.find(token) is not None

    def test_a_session_ends_when_it_was_idle_too_long(self, identity: Identity) -> None:
        identity.open_ada()
        token = identity.sign_in()

        identity.clock.advance(LIFETIMES.idle - timedelta(minutes=2))
        assert identity.sessions.find(token) is not None
        identity.clock.advance(LIFETIMES.idle - timedelta(minutes=2))
        assert identity.sessions.find(token) is not None
        identity.clock.advance(LIFETIMES.idle)

        assert identity.sessions.find(token) is None
        assert identity.sessions.of_account("a-1") == []

    def test_a_session_in_constant_use_ends_when_it_is_too_old(self, identity: Identity) -> None:
        identity.open_ada()
        token = identity.sign_in()

        for _ in range(9):
            identity.clock.advance(HOUR)
            assert identity.sessions.find(token) is not None
        identity.clock.advance(HOUR)

        assert identity.sessions.find(token) is None

    def test_signing_out_ends_one_session(self, identity: Identity) -> None:
        identity.open_ada()
        here, there = identity.sign_in(), identity.sign_in()

        identity.sessions.end(here)
        identity.sessions.end(here)

        assert identity.sessions.find(here) is None
        assert identity.sessions.find(there) is not None

    def test_a_session_can_be_ended_by_its_id_by_its_own_account_only(
        self, identity: Identity
    ) -> None:
        identity.open_ada()
        token = identity.sign_in()
        (session,) = identity.sessions.of_account("a-1")

        assert not identity.sessions.end_one("a-2", session.session_id)
        assert identity.sessions.find(token) is not None
        assert identity.sessions.end_one("a-1", session.session_id)
        assert not identity.sessions.end_one("a-1", session.session_id)
        assert identity.sessions.find(token) is None

    def test_signing_out_everywhere_ends_the_sessions_of_one_account(
        self, identity: Identity
    ) -> None:
        identity.open_ada()
        identity.accounts.open(
            "a-2", email="bob@example.com", display_name="Bob", role=Role.OPERATOR
        )
        adas, bobs = [identity.sign_in(), identity.sign_in()], identity.sign_in("bob@example.com")

        identity.sessions.end_all("a-1")

        assert [identity.sessions.find(token) for token in adas] == [None, None]
        assert identity.sessions.find(bobs) is not None

    def test_suspending_ends_sessions_and_restoring_does_not_revive_them(
        self, identity: Identity
    ) -> None:
        identity.open_ada()
        token = identity.sign_in()

        identity.accounts.suspend("a-1")
        assert identity.sessions.find(token) is None
        identity.accounts.restore("a-1")

        assert identity.sessions.find(token) is None
        assert identity.sessions.find(identity.sign_in()) is not None

    def test_a_new_password_ends_every_session_but_the_one_that_chose_it(
        self, identity: Identity
    ) -> None:
        identity.open_ada()
        here, there = identity.sign_in(), identity.sign_in()

        identity.accounts.set_password("a-1", "another", keep_session=here)

        assert identity.sessions.find(here) is not None
        assert identity.sessions.find(there) is None
        identity.accounts.set_password("a-1", "a third")
        assert identity.sessions.find(here) is None

    def test_a_session_that_ended_cannot_be_kept_by_choosing_a_password(
        self, identity: Identity
    ) -> None:
        identity.open_ada()
        stale = identity.sign_in()
        identity.accounts.suspend("a-1")
        identity.accounts.restore("a-1")

        identity.accounts.set_password("a-1", "another", keep_session=stale)

        assert identity.sessions.find(stale) is None

    def test_a_password_that_changes_while_somebody_signs_in_with_the_old_one_keeps_them_out(
        self, identity: Identity
    ) -> None:
        identity.open_ada()
        verified = identity.accounts.credentials("ada@example.com")
        assert verified is not None

        identity.accounts.set_password("a-1", "another")
        token = identity.sessions.begin("a-1", generation=verified.generation)

        assert identity.sessions.find(token) is None

    def test_own_sessions_are_listed_latest_seen_first(self, identity: Identity) -> None:
        identity.open_ada()
        identity.sign_in(client="first")
        identity.clock.advance(HOUR)
        identity.sign_in(client="second")
        identity.clock.advance(HOUR)
        third = identity.sign_in(client="third")

        clients = [session.client for session in identity.sessions.of_account("a-1")]

        assert clients == ["third", "second"]  # the first was idle too long
        assert identity.sessions.of_account("a-2") == []
        identity.sessions.end(third)
        assert len(identity.sessions.of_account("a-1")) == 1

    def test_what_a_browser_says_about_itself_is_cut_off(self, identity: Identity) -> None:
        identity.open_ada()

        identity.sign_in(client="x" * 5000)

        (session,) = identity.sessions.of_account("a-1")
        assert session.client == "x" * 200

    def test_expired_sessions_are_forgotten_a_few_at_a_time(self, identity: Identity) -> None:
        identity.open_ada()
        for _ in range(3):
            identity.sign_in()
        identity.clock.advance(HOUR)
        identity.accounts.open(
            "a-2", email="bob@example.com", display_name="Bob", role=Role.OPERATOR
        )
        identity.sign_in("bob@example.com")

        identity.clock.advance(LIFETIMES.absolute - HOUR)

        assert identity.sessions.purge(limit=2) == 2
        assert identity.sessions.purge(limit=2) == 1
        assert identity.sessions.purge(limit=2) == 0


def at_once(count: int, action: Callable[[int], str]) -> list[str]:
    """Run the action in as many threads, started together; an exception in one is raised here."""
    start = threading.Barrier(count, timeout=10)

    def run(number: int) -> str:
        start.wait()
        return action(number)

    with ThreadPoolExecutor(max_workers=count) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, n) for n in range(count)]]
