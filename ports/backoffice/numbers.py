"""Numbers by which people name tickets."""

from typing import Protocol


class TicketNumbers(Protocol):
    def next(self) -> int:
        """A number that no other ticket has, 1001 or above and ascending, within the current unit
        of work. Numbers of transactions that did not commit may be missing."""
