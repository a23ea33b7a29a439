"""Numbers and identifiers that a test knows beforehand."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def after(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def uuid_text(number: int) -> str:
    return f"0190b5f2-7a31-7c3e-8f00-{number:012x}"


class Ascending:
    """Numbers from 1001."""

    def __init__(self) -> None:
        self._last = 1000

    def next(self) -> int:
        self._last += 1
        return self._last


class KnownIdentifiers:
    """``uuid_text(900)``, ``uuid_text(901)``, …"""

    def __init__(self) -> None:
        self._next = 900

    def new(self) -> str:
        self._next += 1
        return uuid_text(self._next - 1)
