"""A way back in for whoever runs the machine, when the password of the only operator is lost."""

from datetime import timedelta

from ports.outbound.accounts import Accounts, NoSuchAccount, TokenPurpose


def password_reset_link(
    accounts: Accounts, *, email: str, public_url: str, valid_for: timedelta = timedelta(hours=1)
) -> str:
    """A link for choosing another password. No mail is involved: the caught ones are behind the
    sign-in, too.

    Raises:
        NoSuchAccount: nobody has the address, or the account is suspended.
    """
    account = accounts.find_by_email(email)
    if account is None:
        raise NoSuchAccount(email)
    token = accounts.create_token(account.account_id, TokenPurpose.RESET, valid_for=valid_for)
    return f"{public_url.rstrip('/')}/password-reset/{token}"
