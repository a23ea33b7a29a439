"""What pages ask of lending."""

from dataclasses import dataclass
from datetime import datetime

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class IsLent:
    """Answered with a bool.

    Raises:
        AggregateNotFound
    """

    loan_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicesOutLongest:
    """Answered with :class:`DeviceOutRow` values, at most ``limit``, longest out first."""

    limit: int = LARGEST_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOutRow:
    loan_id: str
    device: str
    lent_at: datetime
