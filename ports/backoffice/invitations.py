"""How a new employee gets to sign in."""

from typing import Protocol


class Invitations(Protocol):
    """Reaches outside: never to be called inside a transaction. Shared by threads."""

    def invite(self, *, account_id: str, name: str, email: str, message_id: str) -> None:
        """Make sure that the account is there, as an employee's, and mail a link that sets a
        password once. The same ``message_id`` again is the same invitation again.

        Raises:
            MailUnavailable: worth another try.
            MailRefused: this address will never be accepted.
        """
