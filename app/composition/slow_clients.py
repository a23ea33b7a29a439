"""A web worker in which nobody holds a thread for long by sending or reading slowly.

Threads are few. Whoever sends a byte a minute would keep one each, and a handful of such visitors
all of them.
"""

import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# An answer may take as many times longer than a request: whoever asks may read slowly as well.
_TIMES_TO_END = 3


@dataclass(eq=False, slots=True)
class _Held:
    """One connection while a thread is busy with it."""

    sock: socket.socket
    since: float
    over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def shut(self, how: int) -> None:
        with self.lock, suppress(OSError):
            if not self.over:
                self.sock.shutdown(how)


class Patience:
    """Ends what takes too long, whenever :meth:`look` is called; by one thread only."""

    def __init__(self, sends_within: timedelta) -> None:
        """``sends_within``: from the first byte of a request to the last of its body. Afterwards
        nothing more is read, so that whoever waits for more finds the end; what is being answered
        is still answered, until three times that long has passed."""
        sends_s = sends_within.total_seconds()
        self._limits = ((sends_s, socket.SHUT_RD), (_TIMES_TO_END * sends_s, socket.SHUT_RDWR))
        # Oldest first, as all have the same limits.
        self._held: tuple[deque[_Held], ...] = (deque(), deque())

    @contextmanager
    def during(self, sock: socket.socket) -> Iterator[None]:
        held = _Held(sock, monotonic())
        for queue in self._held:
            queue.append(held)
        try:
            yield
        finally:
            with held.lock:
                held.over = True

    def look(self) -> None:
        now = monotonic()
        for queue, (limit_s, how) in zip(self._held, self._limits, strict=True):
            while queue and (queue[0].over or now - queue[0].since >= limit_s):
                queue.popleft().shut(how)


def patient_worker(sends_within: timedelta) -> type[ThreadWorker]:
    """gunicorn's threads, with a limit on how long a visitor may hold one."""

    class PatientWorker(ThreadWorker):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._patience = Patience(sends_within)

        def handle(self, conn: Any) -> Any:
            with self._patience.during(conn.sock):
                return super().handle(conn)

        def notify(self) -> None:
            """Called by the worker's main loop, about once a second."""
            super().notify()
            self._patience.look()

    return PatientWorker
