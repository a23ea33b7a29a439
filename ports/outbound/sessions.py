"""Who is signed in, on which browser, until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ports.outbound.accounts import Account

LONGEST_CLIENT = 200  # characters; what is beyond is cut off
MOST_LISTED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLifetimes:
    idle: timedelta = timedelta(hours=12)  # without any request
    absolute: timedelta = timedelta(days=7)  # since signing in

    def __post_init__(self) -> None:
        if not timedelta(0) < self.idle <= self.absolute:
            raise ValueError("a session may be idle for some time, and not longer than it lasts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """``session_id`` names a session without opening it. ``client`` is what the browser said it
    was: text from outside."""

    session_id: str
    account_id: str
    client: str
    began_at: datetime
    seen_at: datetime  # up to a minute behind
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    account: Account
    session: Session


class Sessions(Protocol):
    """A session is opened by a random token, which its browser holds and of which we keep the
    digest. It ends when it is too old or idle, when its account is suspended, and when the
    password changes. One instance is shared by threads."""

    def begin(
        self, account_id: str, *, generation: int, client: str = "", replaces: str = ""
    ) -> str:
        """Sign in and return the token of a new session; the one opened by ``replaces`` ends, and
        so does whatever of this account has expired.

        ``generation`` is that of the credentials which were verified. When the password was
        changed or the account suspended meanwhile, the token opens nothing.
        """

    def find(self, token: str) -> SignedIn | None:
        """Whose session the token opens, if it still does; that it was seen is noted."""

    def end(self, token: str) -> None:
        """Harmless when it has ended."""

    def end_one(self, account_id: str, session_id: str) -> bool:
        """End a session of this account. False: the account has none of that id."""

    def end_all(self, account_id: str) -> None: ...

    def of_account(self, account_id: str) -> Sequence[Session]:
        """Those that are open, latest seen first, at most :data:`MOST_LISTED`."""

    def purge(self, *, limit: int) -> int:
        """Forget at most ``limit`` sessions that have expired, and return how many."""
