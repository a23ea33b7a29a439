"""Numbers by which people name issues."""

from typing import Protocol


class IssueNumbers(Protocol):
    def next(self) -> int:
        """A number that no other issue has, 1001 or above and ascending, within the current unit of
        work. Numbers of transactions that did not commit may be missing."""
