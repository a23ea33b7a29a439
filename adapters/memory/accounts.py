"""Accounts and sessions in this process, for tests."""

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ports.outbound.accounts import (
    Account,
    Credentials,
    EmailIsTaken,
    NoSuchAccount,
    Role,
    TokenIsInvalid,
    TokenPurpose,
    comparable_email,
)
from ports.outbound.sessions import (
    LONGEST_CLIENT,
    MOST_LISTED,
    Session,
    SessionLifetimes,
    SignedIn,
)
from ports.outbound.time import Clock


@dataclass(slots=True, kw_only=True)
class _Kept:
    account: Account | None  # None: suspended before it was opened
    password_hash: str = ""
    generation: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    account_id: str
    purpose: TokenPurpose
    series: str
    expires_at: datetime


@dataclass(slots=True, kw_only=True)
class _Open:
    session: Session
    generation: int


@dataclass(slots=True)
class _State:
    lock: threading.RLock = field(default_factory=threading.RLock)
    accounts: dict[str, _Kept] = field(default_factory=dict)
    tokens: dict[str, _Token] = field(default_factory=dict)
    sessions: dict[str, _Open] = field(default_factory=dict)  # by session token


class MemoryAccounts:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.state = _State()

    def open(
        self,
        account_id: str,
        *,
        email: str,
        display_name: str,
        role: Role,
        password_hash: str = "",
    ) -> bool:
        with self.state.lock:
            kept = self.state.accounts.get(account_id)
            if kept is not None and kept.account is not None:
                return False
            if self._by_email(email) is not None:
                raise EmailIsTaken(account_id)
            self.state.accounts[account_id] = _Kept(
                account=Account(
                    account_id=account_id,
                    email=email,
                    display_name=display_name,
                    role=role,
                    active=kept is None,
                    has_password=bool(password_hash),
                    opened_at=self._clock.now(),
                ),
                password_hash=password_hash,
            )
            return True

    def suspend(self, account_id: str) -> None:
        with self.state.lock:
            kept = self.state.accounts.setdefault(account_id, _Kept(account=None))
            kept.generation += 1
            if kept.account is not None:
                kept.account = replace(kept.account, active=False)
            self._void_tokens(account_id)

    def restore(self, account_id: str) -> None:
        with self.state.lock:
            kept = self.state.accounts.get(account_id)
            if kept is None:
                return
            if kept.account is None:
                del self.state.accounts[account_id]
            else:
                kept.account = replace(kept.account, active=True)

    def find(self, account_id: str) -> Account | None:
        with self.state.lock:
            kept = self.state.accounts.get(account_id)
            return kept.account if kept else None

    def find_by_email(self, email: str) -> Account | None:
        with self.state.lock:
            kept = self._by_email(email)
            return kept.account if kept else None

    def exists_with_role(self, role: Role) -> bool:
        with self.state.lock:
            return any(
                kept.account is not None and kept.account.role is role
                for kept in self.state.accounts.values()
            )

    def credentials(self, email: str) -> Credentials | None:
        with self.state.lock:
            kept = self._by_email(email)
            if kept is None or kept.account is None:
                return None
            return Credentials(
                account=kept.account,
                generation=kept.generation,
                password_hash=kept.password_hash,
            )

    def set_password(self, account_id: str, password_hash: str, *, keep_session: str = "") -> None:
        with self.state.lock:
            kept = self.state.accounts.get(account_id)
            if kept is None or kept.account is None:
                raise NoSuchAccount(account_id)
            kept.account = replace(kept.account, has_password=True)
            kept.password_hash = password_hash
            opened = self.state.sessions.get(keep_session)
            survives = opened is not None and opened.generation == kept.generation
            kept.generation += 1
            if opened is not None and survives and opened.session.account_id == account_id:
                opened.generation = kept.generation
            self._void_tokens(account_id)

    def replace_hash(self, account_id: str, *, old: str, new: str) -> None:
        with self.state.lock:
            kept = self.state.accounts.get(account_id)
            if kept is not None and kept.password_hash == old:
                kept.password_hash = new

    def create_token(
        self, account_id: str, purpose: TokenPurpose, *, valid_for: timedelta, series: str = ""
    ) -> str:
        with self.state.lock:
            account = self.find(account_id)
            if account is None or not account.active:
                raise NoSuchAccount(account_id)
            self.state.tokens = {
                token: kept
                for token, kept in self.state.tokens.items()
                if (kept.account_id, kept.purpose) != (account_id, purpose)
                or (series and kept.series == series)
            }
            token = secrets.token_urlsafe(32)
            self.state.tokens[token] = _Token(
                account_id=account_id,
                purpose=purpose,
                series=series,
                expires_at=self._clock.now() + valid_for,
            )
            return token

    def find_by_token(self, token: str, purpose: TokenPurpose) -> Account:
        with self.state.lock:
            kept = self.state.tokens.get(token)
            if kept is None or kept.purpose is not purpose or kept.expires_at <= self._clock.now():
                raise TokenIsInvalid(purpose)
            account = self.find(kept.account_id)
            if account is None or not account.active:
                raise TokenIsInvalid(purpose)
            return account

    def redeem(self, token: str, purpose: TokenPurpose, *, password_hash: str) -> Account:
        with self.state.lock:
            account = self.find_by_token(token, purpose)
            self.set_password(account.account_id, password_hash)
            return replace(account, has_password=True)

    def _by_email(self, email: str) -> _Kept | None:
        key = comparable_email(email)
        for kept in self.state.accounts.values():
            if kept.account is not None and comparable_email(kept.account.email) == key:
                return kept
        return None

    def purge_tokens(self, *, limit: int) -> int:
        with self.state.lock:
            now = self._clock.now()
            expired = [token for token, kept in self.state.tokens.items() if kept.expires_at <= now]
            for token in expired[:limit]:
                del self.state.tokens[token]
            return len(expired[:limit])

    def _void_tokens(self, account_id: str) -> None:
        self.state.tokens = {
            token: kept
            for token, kept in self.state.tokens.items()
            if kept.account_id != account_id
        }


class MemorySessions:
    def __init__(
        self, accounts: MemoryAccounts, clock: Clock, lifetimes: SessionLifetimes | None = None
    ) -> None:
        self._state = accounts.state
        self._clock = clock
        self._lifetimes = lifetimes or SessionLifetimes()

    def begin(
        self, account_id: str, *, generation: int, client: str = "", replaces: str = ""
    ) -> str:
        now = self._clock.now()
        token = secrets.token_urlsafe(32)
        with self._state.lock:
            self._state.sessions.pop(replaces, None)
            self._state.sessions[token] = _Open(
                session=Session(
                    session_id=secrets.token_urlsafe(16),
                    account_id=account_id,
                    client=client[:LONGEST_CLIENT],
                    began_at=now,
                    seen_at=now,
                    expires_at=now + self._lifetimes.absolute,
                ),
                generation=generation,
            )
            kept = self._state.accounts.get(account_id)
            if kept is not None and kept.account is not None:
                kept.account = replace(kept.account, signed_in_at=now)
        return token

    def find(self, token: str) -> SignedIn | None:
        with self._state.lock:
            opened = self._state.sessions.get(token)
            if opened is None or not self._is_open(opened):
                return None
            account = self._state.accounts[opened.session.account_id].account
            assert account is not None, "an open session has an account"
            opened.session = replace(opened.session, seen_at=self._clock.now())
            return SignedIn(account=account, session=opened.session)

    def end(self, token: str) -> None:
        with self._state.lock:
            self._state.sessions.pop(token, None)

    def end_one(self, account_id: str, session_id: str) -> bool:
        with self._state.lock:
            for token, opened in self._state.sessions.items():
                session = opened.session
                if (session.account_id, session.session_id) == (account_id, session_id):
                    del self._state.sessions[token]
                    return True
            return False

    def end_all(self, account_id: str) -> None:
        with self._state.lock:
            self._state.sessions = {
                token: opened
                for token, opened in self._state.sessions.items()
                if opened.session.account_id != account_id
            }

    def of_account(self, account_id: str) -> Sequence[Session]:
        with self._state.lock:
            found = [
                opened.session
                for opened in self._state.sessions.values()
                if opened.session.account_id == account_id and self._is_open(opened)
            ]
        return sorted(found, key=lambda session: session.seen_at, reverse=True)[:MOST_LISTED]

    def purge(self, *, limit: int) -> int:
        with self._state.lock:
            old = [token for token, opened in self._state.sessions.items() if self._is_old(opened)]
            for token in old[:limit]:
                del self._state.sessions[token]
            return len(old[:limit])

    def _is_old(self, opened: _Open) -> bool:
        return opened.session.expires_at <= self._clock.now()

    def _is_open(self, opened: _Open) -> bool:
        kept = self._state.accounts.get(opened.session.account_id)
        return (
            kept is not None
            and kept.account is not None
            and kept.account.active
            and kept.generation == opened.generation
            and not self._is_old(opened)
            and self._clock.now() < opened.session.seen_at + self._lifetimes.idle
        )
