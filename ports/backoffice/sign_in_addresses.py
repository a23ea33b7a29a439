"""Addresses that cannot be an employee's, because others sign in with them."""

from typing import Protocol


class SignInAddresses(Protocol):
    """Shared by threads. Never to be asked inside a transaction: accounts may be in another
    store."""

    def is_taken(self, email: str) -> bool:
        """Whether somebody who is no employee has the address, as operators do.

        Says in time what an invitation would fail by later, which has the last word.
        """
