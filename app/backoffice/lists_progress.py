"""How far the lists of tickets have followed what happened to tickets."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListsProgress:
    """``read`` differs whenever a list may show something else: for each list, the event that it
    has read last, and when. A rebuild ends at the event at which it began."""

    behind: int  # events that the slowest list has still to read
    read: tuple[tuple[int, datetime | None], ...]
