"""How a borrower gets a receipt."""

from typing import Protocol


class Receipts(Protocol):
    def send(self, email: str, device: str, *, message_id: str) -> None:
        """Not inside a transaction. ``message_id`` is the same whenever this is repeated.

        Raises:
            MailUnavailable, MailRefused
        """
