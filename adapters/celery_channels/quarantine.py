"""One suspect at a time: who kills the process is to be condemned, and nobody beside him.

A message that was handed over before without an outcome may be one that kills its process each
time. Each such start is counted against it, so in a process of several threads it must not run
beside another suspect: what was only near would be counted with it. Nor should anything else run
beside it, which would be a suspect afterwards.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

# Longer than most handlers take. A line to the broker that breaks makes a suspect of what still
# runs, and that one must not hold up the worker for as long as it takes.
PATIENCE = timedelta(seconds=5)


class Quarantine:
    """Of one process; used by all of its threads.

    Suspects run in the order in which they came, each for as long as its handler may take. A
    suspect waits for the others that run, and others that come wait for the suspects, both for at
    most ``patience``: then they run side by side, which is seldom and harmless unless one that was
    never handed over before kills the process just then.
    """

    def __init__(self, *, patience: timedelta = PATIENCE) -> None:
        self._patience = patience.total_seconds()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._unsuspected = 0  # how many of them run
        self._suspects: deque[object] = deque()  # the first one's turn it is

    @property
    def suspects(self) -> int:
        """How many are there: one that runs or is about to, the others behind it."""
        return len(self._suspects)

    @contextmanager
    def place(self, hand_overs: int) -> Iterator[None]:
        """Wait until it may run; it runs inside. ``hand_overs``: earlier ones without an outcome,
        which make a suspect."""
        if hand_overs:
            with self._alone():
                yield
            return
        with self._lock:
            if self._suspects:
                self._changed.wait_for(lambda: not self._suspects, self._patience)
            self._unsuspected += 1
        try:
            yield
        finally:
            with self._lock:
                self._unsuspected -= 1
                if self._suspects:
                    self._changed.notify_all()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        me = object()
        with self._lock:
            self._suspects.append(me)
        try:
            with self._lock:
                # Ends with the handlers before it: none outlives its time limit without the
                # process being ended by the watchdog.
                self._changed.wait_for(lambda: self._suspects[0] is me)
                self._changed.wait_for(lambda: not self._unsuspected, self._patience)
            yield
        finally:
            with self._lock:
                self._suspects.remove(me)
                self._changed.notify_all()
