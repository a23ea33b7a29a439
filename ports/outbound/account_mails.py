"""Mails that let somebody choose a password."""

from typing import Protocol


class AccountMails(Protocol):
    """Reaches outside: never to be called inside a transaction. Shared by threads.

    Each mails a one-time link to the account's own address. Where there is no such account, or it
    is suspended, nothing is mailed. The same ``message_id`` again is the same mail again: both
    its links are good until one is used.

    Every method raises:
        MailUnavailable: worth another try.
        MailRefused: this address will never be accepted.
    """

    def invite(self, account_id: str, *, message_id: str) -> None:
        """To choose the first password."""

    def help_back_in(self, email: str, *, message_id: str) -> None:
        """To choose another password, since the present one was forgotten."""
