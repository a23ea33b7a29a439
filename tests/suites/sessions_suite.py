"""What every implementation of sessions owes."""

from datetime import timedelta

import pytest

from ports.outbound.accounts import Role
from tests.suites.identity import HOUR, LIFETIMES, Identity


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
