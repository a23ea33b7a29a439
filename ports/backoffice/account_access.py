"""Whether an employee may sign in."""

from typing import Protocol


class AccountAccess(Protocol):
    """An account that was not made yet is no error; suspended before, it is made suspended. Saying
    the same twice changes nothing.

    Where accounts live in the context's own store, both join the current unit of work; elsewhere
    they commit by themselves and are called outside of one.
    """

    def suspend(self, account_id: str) -> None:
        """No sign-in from now on; every session of the account ends."""

    def restore(self, account_id: str) -> None:
        """Sign-in is possible again; ended sessions stay ended."""
