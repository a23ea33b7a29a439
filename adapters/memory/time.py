"""Time that stands still until a test moves it, and identifiers that are the same on every run."""

import itertools
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class VirtualClock:
    def __init__(self, start: datetime = START) -> None:
        _must_be_aware(start)
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        """Raises:
        ValueError: the clock would go back.
        """
        self.move_to(self._now + by)

    def move_to(self, instant: datetime) -> None:
        """Raises:
        ValueError: ``instant`` is in the past, or has no time zone.
        """
        _must_be_aware(instant)
        if instant < self._now:
            raise ValueError(f"a clock does not go back from {self._now} to {instant}")
        self._now = instant.astimezone(UTC)


class SequentialIdentifiers:
    """Texts in the form of UUIDv7 that count from 1, ascending. May be shared by threads.

    ``series`` (0 to 4095) keeps two instances of one test apart."""

    def __init__(self, series: int = 0) -> None:
        if not 0 <= series < 4096:
            raise ValueError("a series is 0 to 4095")
        milliseconds = int(START.timestamp() * 1000)
        text = f"{milliseconds:012x}"
        self._prefix = f"{text[:8]}-{text[8:]}-7{series:03x}-8000-"
        self._numbers = itertools.count(1)

    def new(self) -> str:
        return f"{self._prefix}{next(self._numbers):012x}"


def _must_be_aware(instant: datetime) -> None:
    if instant.utcoffset() is None:
        raise ValueError(f"{instant} has no time zone")
