"""Driving a connection from the hub of a Celery worker."""

import contextlib
import socket
import time
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from adapters.sql_broker.options import BrokerOptions
from adapters.sql_broker.watching import ChangeWatch

#: For this long after a message SQLite is asked more often: one message often leads to another.
_LIVELY_S = 1.0
_LOOKS_PER_PAUSE_WHEN_LIVELY = 4


class Driven(Protocol):
    """What the loop does to a connection."""

    def check(self) -> None: ...
    def flag(self, queues: AbstractSet[str] | None) -> AbstractSet[str]: ...
    def has_work(self) -> bool: ...
    def fill(self) -> None: ...
    def deliver(self) -> bool: ...


class EventLoop:
    """Looks for messages when there may be some and delivers them, all in the hub's thread.

    SQLite is asked for changes by a timer; PostgreSQL's notifications arrive on a socket. Either
    way all queues are looked at now and then, which finds expired leases and lost notifications.
    """

    def __init__(
        self, connection: Driven, hub: Any, watch: ChangeWatch, options: BrokerOptions
    ) -> None:
        self._connection = connection
        self._hub = hub
        self._watch = watch
        self._options = options
        self._sweeping: Any = None
        self._watched_fd: int | None = None
        self._delivered_at = -_LIVELY_S
        self.attached = False
        # A hub without any reader sleeps until its next timer, deaf to threads that wake it; this
        # pair of sockets is a reader, and a way to wake the hub that works in its own thread too.
        self._bell, self._clapper = socket.socketpair()
        self._bell.setblocking(False)
        self._clapper.setblocking(False)

    def attach(self) -> None:
        self.attached = True
        self._hub.add_reader(self._bell.fileno(), self._rung)
        self._watched_fd = self._watch.fileno()
        if self._watched_fd is None:
            self._look_again()
        else:
            self._look()
            self._hub.add_reader(self._watched_fd, self._look)
        sweep_s = self._options.sweep_interval.total_seconds()
        self._sweeping = self._hub.call_repeatedly(sweep_s, self._connection.flag, None)
        self._hub.on_tick.add(self._tick)

    def detach(self) -> None:
        """Leave the hub alone; harmless when it was left, or reset by Celery, before."""
        if not self.attached:
            return
        self.attached = False
        self._hub.on_tick.discard(self._tick)
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._hub.remove_reader(self._bell.fileno())
        if self._watched_fd is not None:
            self._hub.remove_reader(self._watched_fd)
        self._bell.close()
        self._clapper.close()

    def wake(self) -> None:
        """Make the hub go round once; from any thread, also when it is about to detach."""
        # A full buffer wakes as well as one more byte; a closed bell has nobody to wake.
        with contextlib.suppress(OSError):
            self._clapper.send(b"\0")

    def flag_later(self, queues: AbstractSet[str], pause_s: float) -> None:
        """Look into these queues after a pause; in the hub's thread."""
        self._hub.call_later(pause_s, self._flag, queues)

    def _rung(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4096)
        if not self._connection.has_work():
            return
        self._connection.fill()
        while self._connection.deliver():
            self._delivered_at = time.monotonic()

    def _look_again(self) -> None:
        """Look now and once more after a pause, a shorter one while messages keep coming."""
        if not self.attached:
            return
        self._look()
        pause_s = self._options.poll_interval.total_seconds()
        if time.monotonic() - self._delivered_at < _LIVELY_S:
            pause_s /= _LOOKS_PER_PAUSE_WHEN_LIVELY
        self._hub.call_later(pause_s, self._look_again)

    def _look(self) -> None:
        announced = self._watch.take()
        if announced is not None and not announced:
            return
        flagged = self._connection.flag(announced)
        recheck_s = self._watch.recheck_after_s()
        if flagged and recheck_s is not None:
            self.flag_later(flagged, recheck_s)

    def _flag(self, queues: AbstractSet[str]) -> None:
        if self.attached:
            self._connection.flag(queues)

    def _tick(self) -> None:
        """Before each wait of the hub: see that work is done right after it, as a reader's.

        Delivering here could come after the pool looked for work to hand to its processes, which
        then would wait until something else wakes the hub.
        """
        if not self.attached:
            return
        self._connection.check()
        if self._connection.has_work():
            self.wake()
