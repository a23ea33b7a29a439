"""Waiting for a condition, always with a limit."""

import time
from collections.abc import Callable


class WaitedInVain(Exception):
    """A condition did not come true within its limit."""


def wait_until(
    condition: Callable[[], object], *, limit_s: float, every_s: float = 0.1, what: str
) -> None:
    """Return as soon as ``condition()`` is true.

    Raises:
        WaitedInVain: it was still false after ``limit_s`` seconds.
    """
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() >= deadline:
            raise WaitedInVain(f"waited {limit_s:g} s in vain for {what}")
        time.sleep(every_s)
