"""Checking who somebody is."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.identity.audited import Audited
from app.identity.auditing import Auditing, Deed
from app.identity.password_rules import check_new_password
from ports.errors import Refusal
from ports.outbound.accounts import Account, Accounts, TokenPurpose
from ports.outbound.audit import NO_DETAILS, Actor
from ports.outbound.passwords import Passwords
from ports.outbound.sessions import Sessions


class WrongPassword(Refusal):
    def __init__(self) -> None:
        super().__init__("this is not the present password")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    account: Account
    token: str


class SigningIn:
    """What somebody changes of their own account is recorded in the same commit."""

    def __init__(
        self, accounts: Accounts, sessions: Sessions, passwords: Passwords, auditing: Auditing
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._passwords = passwords
        self._auditing = auditing

    def sign_in(
        self, email: str, password: str, *, client: str, replaces: str = ""
    ) -> NewSession | None:
        """None when address or password are wrong or the account is suspended, after the same work
        in each case, so that nobody learns which addresses there are.

        Raises:
            HashingIsBusy
        """
        credentials = self._accounts.credentials(email)
        stored = credentials.password_hash if credentials else None
        matches = self._passwords.verify(password, stored)
        if credentials is None or not matches or not credentials.account.active:
            return None
        account = credentials.account
        if self._passwords.is_outdated(credentials.password_hash):
            self._accounts.replace_hash(
                account.account_id,
                old=credentials.password_hash,
                new=self._passwords.hash(password),
            )
        token = self._sessions.begin(
            account.account_id,
            generation=credentials.generation,
            client=client,
            replaces=replaces,
        )
        return NewSession(account=account, token=token)

    def change_password(self, account: Account, *, old: str, new: str, keep_session: str) -> None:
        """Every other session of the account ends.

        Raises:
            WrongPassword, PasswordIsRefused, HashingIsBusy
        """
        check_new_password(new, email=account.email)
        credentials = self._accounts.credentials(account.email)
        if not self._passwords.verify(old, credentials.password_hash if credentials else None):
            raise WrongPassword
        hashed = self._passwords.hash(new)
        self._auditing.with_accounts(
            _deed(account, Audited.CHANGE_PASSWORD),
            lambda: self._accounts.set_password(
                account.account_id, hashed, keep_session=keep_session
            ),
        )

    def choose_password(self, token: str, purpose: TokenPurpose, *, password: str) -> Account:
        """Use up a one-time token. A password that is refused leaves it unused.

        Raises:
            TokenIsInvalid, PasswordIsRefused, HashingIsBusy
        """
        account = self._accounts.find_by_token(token, purpose)
        check_new_password(password, email=account.email)
        hashed = self._passwords.hash(password)
        return self._auditing.with_accounts(
            _deed(account, Audited.CHOOSE_PASSWORD, {"by": purpose.value}),
            lambda: self._accounts.redeem(token, purpose, password_hash=hashed),
        )

    def sign_out_everywhere(self, account: Account) -> None:
        self._auditing.with_accounts(
            _deed(account, Audited.SIGN_OUT_EVERYWHERE),
            lambda: self._sessions.end_all(account.account_id),
        )


def _deed(account: Account, action: Audited, details: Mapping[str, str] = NO_DETAILS) -> Deed:
    """Of somebody, to the own account."""
    return Deed(
        actor=Actor(name=account.display_name, account_id=account.account_id),
        action=action,
        object=f"account/{account.account_id}",
        details=details,
    )
