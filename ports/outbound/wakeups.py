"""Telling a relay that there is something to do. Best effort: sweeps find what a wake-up missed."""

from typing import Protocol


class WakeUps(Protocol):
    """Of one thread: who waits uses up what woke it."""

    def another(self) -> "WakeUps":
        """The same for another thread. From any thread."""

    def wait(self, timeout_seconds: float) -> bool:
        """Until someone committed messages or events, at most the timeout. False: timed out.
        Wake-ups that came while nobody waited make the next call return at once."""

    def close(self) -> None: ...
