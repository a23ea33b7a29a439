"""Ending a process of ours when a signal says so."""

import signal
from threading import Event, Thread

_NOTICE_S = 0.5

_STOPS = (signal.SIGINT, signal.SIGTERM)


class _Stop(Event):
    """May be waited for without a limit in the main thread. What a signal leads to happens there,
    and one that comes just before a wait begins does not end it."""

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None:
            return super().wait(timeout)
        while not super().wait(_NOTICE_S):
            pass
        return True


def stop_on_signal() -> Event:
    """An event that the usual signals set; to be called in the main thread."""
    stop = _Stop()

    def handle(*_: object) -> None:
        # The signal may interrupt this very thread while it holds the event's own lock.
        Thread(target=stop.set, name="stopping", daemon=True).start()

    for number in _STOPS:
        signal.signal(number, handle)
    return stop
