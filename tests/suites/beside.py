"""Doing something in another thread, as another process would, with a limit on the waiting."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_LIMIT_S = 15.0


class Beside(Generic[T]):
    """Runs ``work`` in a thread of its own, begun at once."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)
        self._thread.start()

    def has_ended_within(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def result(self) -> T:
        """What ``work`` returned; raises what it raised."""
        self._thread.join(_LIMIT_S)
        if self._thread.is_alive():
            raise AssertionError(f"the other thread did not end within {_LIMIT_S:g} s")
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that asks
            self._error = error


def elsewhere(work: Callable[[], T]) -> T:
    """Do it in another thread and wait for it."""
    return Beside(work).result()


def at_once(*works: Callable[[], T]) -> list[T | Exception]:
    """Start all at the same moment in threads of their own; what each returned or raised."""
    barrier = threading.Barrier(len(works))

    def started_together(work: Callable[[], T]) -> Callable[[], T | Exception]:
        def run() -> T | Exception:
            barrier.wait(_LIMIT_S)
            try:
                return work()
            except Exception as error:  # noqa: BLE001 - the outcome that the test looks at
                return error

        return run

    running = [Beside(started_together(work)) for work in works]
    return [one.result() for one in running]
