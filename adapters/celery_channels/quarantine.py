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

PATIENCE = timedelta(seconds=30)


class Quarantine:
    """Of one process; used by all of its threads.

    Suspects run in the order in which they came, each for as long as its handler may take. Those
    before any suspect are waited for, and those who come later wait for all suspects that are
    there, both for at most ``patience``: a slow handler is no reason to stand still. Who was never
    a suspect is not counted, so that costs nobody more than a place in the quarantine.
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
