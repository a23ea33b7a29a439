"""Operators made by whoever runs the machine: one who is signed in is not needed for it."""

from datetime import timedelta

from ports.outbound.accounts import Accounts, Role, TokenPurpose


def add_operator(
    accounts: Accounts,
    account_id: str,
    *,
    email: str,
    display_name: str,
    public_url: str,
    valid_for: timedelta,
) -> str:
    """Make the account; the answer is a link for choosing its first password. Killed in between,
    the account is there and :func:`app.identity.recovery.password_reset_link` makes another link.

    Raises:
        EmailIsTaken
    """
    accounts.open(account_id, email=email, display_name=display_name, role=Role.OPERATOR)
    token = accounts.create_token(account_id, TokenPurpose.INVITATION, valid_for=valid_for)
    return f"{public_url.rstrip('/')}/invitation/{token}"
