"""Waiting for a condition, always with a limit."""

import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], object], *, limit_s: float = 10.0, every_s: float = 0.02, what: str = ""
) -> None:
    """Return as soon as ``condition()`` is true.

    Raises:
        AssertionError: it was still false after ``limit_s`` seconds; ``what`` names what was
            awaited.
    """
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {limit_s:g} s in vain for {what or condition}")
        time.sleep(every_s)
