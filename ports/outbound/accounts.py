"""Who may sign in, and as what.

An account belongs to the deployment, not to a context: a context knows the people that it works
with by their opaque account id.
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from ports.errors import Refusal


class Role(StrEnum):
    OPERATOR = "operator"
    EMPLOYEE = "employee"


class TokenPurpose(StrEnum):
    INVITATION = "invitation"  # to choose the first password
    RESET = "reset"  # to choose another one


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    account_id: str
    email: str  # as it was given; compared without regard to case
    display_name: str
    role: Role
    active: bool
    has_password: bool
    opened_at: datetime
    signed_in_at: datetime | None = None  # the latest time


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What signing in compares with. ``generation`` changes whenever everybody who is signed in
    with this account has to sign in again."""

    account: Account
    generation: int
    password_hash: str = field(repr=False)  # empty: none was chosen yet


class NoSuchAccount(Refusal):
    def __init__(self, account_id: str) -> None:
        super().__init__(f"there is no account {account_id}")
        self.account_id = account_id


class EmailIsTaken(Refusal):
    """Another account has this address. The message does not repeat it, since messages are kept."""

    def __init__(self, account_id: str) -> None:
        super().__init__(f"account {account_id} cannot be opened: another one has its address")
        self.account_id = account_id


class TokenIsInvalid(Refusal):
    """Made up, used before, replaced by a newer one, expired, or of an account that is suspended.
    These are not told apart, because whoever asks is a stranger."""

    def __init__(self, purpose: TokenPurpose) -> None:
        super().__init__(f"this {purpose} link was used or is no longer valid; ask for a new one")
        self.purpose = purpose


def comparable_email(email: str) -> str:
    """What two spellings of one address have in common: case and the form of accents are not
    told apart, although mail servers might."""
    return unicodedata.normalize("NFC", email.strip().casefold())


class Accounts(Protocol):
    """Every method joins the caller's transaction where there is one on the same database, and is a
    transaction of its own otherwise. One instance is shared by threads.

    Passwords never arrive here, only their hashes (:class:`ports.outbound.passwords.Passwords`).
    """

    def open(
        self,
        account_id: str,
        *,
        email: str,
        display_name: str,
        role: Role,
        password_hash: str = "",
    ) -> bool:
        """Make an account that may sign in once it has a password; one that was suspended before
        it was opened stays suspended.

        False, and nothing changes, when the account is there already.

        Raises:
            EmailIsTaken
        """

    def suspend(self, account_id: str) -> None:
        """Let nobody in: sessions end and unused tokens are void, for good. Twice is harmless.

        An account that is not there yet is noted, so that it is not active when it is opened:
        whoever opens it may have been asked to before."""

    def restore(self, account_id: str) -> None:
        """Let the account in again, with the password it had. Harmless when it is active, or not
        there yet."""

    def find(self, account_id: str) -> Account | None: ...

    def find_by_email(self, email: str) -> Account | None: ...

    def exists_with_role(self, role: Role) -> bool: ...

    def credentials(self, email: str) -> Credentials | None:
        """Of suspended accounts too: that they are refused is up to the caller, after the same
        work as for everybody else."""

    def set_password(self, account_id: str, password_hash: str, *, keep_session: str = "") -> None:
        """End every session but the one with the token ``keep_session``, and void unused tokens.

        Raises:
            NoSuchAccount
        """

    def replace_hash(self, account_id: str, *, old: str, new: str) -> None:
        """Store the same password hashed anew. Nothing happens when the hash is no longer ``old``,
        and no session ends."""

    def create_token(
        self, account_id: str, purpose: TokenPurpose, *, valid_for: timedelta, series: str = ""
    ) -> str:
        """A secret for one use, safe in an address; only its digest is kept.

        An earlier one of the same account and purpose is void from now on, except those of the same
        ``series``, if one is named: a mail that is sent again after a crash may never reach its
        reader, who then has the first one. Using one voids all.

        Raises:
            NoSuchAccount: there is none, or it is suspended.
        """

    def find_by_token(self, token: str, purpose: TokenPurpose) -> Account:
        """Whose token it is, without using it.

        Raises:
            TokenIsInvalid
        """

    def redeem(self, token: str, purpose: TokenPurpose, *, password_hash: str) -> Account:
        """Use the token to set the password, in one transaction: of two that try, one succeeds.
        Every session of the account ends.

        Raises:
            TokenIsInvalid
        """

    def purge_tokens(self, *, limit: int) -> int:
        """Forget at most so many tokens that have expired; how many went."""


class PasswordResets(Protocol):
    def request(self, email: str) -> None:
        """Have a link for choosing another password mailed, if an active account has the address.

        Returns at once and the same way for every address; the looking up and mailing happens
        later, elsewhere.
        """
