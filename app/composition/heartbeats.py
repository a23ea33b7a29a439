"""Saying every few seconds that a process lives, and what it is at."""

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from ports.errors import StoreUnavailable
from ports.outbound.operations import Heartbeat, Heartbeats

if TYPE_CHECKING:
    from app.composition.deployment import Deployment

logger = logging.getLogger(__name__)

# Where a web application keeps its heart, for whoever runs it.
HEART = "thicket.heart"

EVERY = timedelta(seconds=5)
_JOIN_SECONDS = 2.0


class Heart:
    """Of the process that starts it, which may be another than the one that made it."""

    def __init__(
        self,
        heartbeats: Heartbeats,
        *,
        kind: str,
        channels: Sequence[str] = (),
        now: Callable[[], datetime],
        every: timedelta = EVERY,
    ) -> None:
        self._heartbeats = heartbeats
        self._kind = kind
        self._channels = tuple(channels)
        self._now = now
        self._every = every.total_seconds()
        self._stop = Event()
        self._thread: Thread | None = None
        self._lock = Lock()
        self._handled = 0
        self._failed = 0
        self._handling: dict[object, tuple[datetime, str]] = {}
        self._started_at = now()
        self._pid = os.getpid()

    def start(self) -> None:
        """Does nothing where it beats already."""
        if self._thread is not None and self._pid == os.getpid():
            return
        self._pid, self._started_at = os.getpid(), self._now()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave: who ends as it should is not taken for dead."""
        if self._thread is None or self._pid != os.getpid():
            return
        self._stop.set()
        self._thread.join(_JOIN_SECONDS)
        self._thread = None
        try:
            self._heartbeats.leave(self.process)
        except StoreUnavailable:
            logger.info("the store is away: this process will be shown as possibly dead")

    @property
    def process(self) -> str:
        started = self._started_at.strftime("%Y%m%dT%H%M%S")
        return f"{self._kind}-{socket.gethostname()}-{self._pid}-{started}"

    @contextmanager
    def handling(self, endpoint: str) -> Iterator[None]:
        """One delivery; it counts as handled when it had an outcome of any kind."""
        token = object()
        self._handling[token] = (self._now(), endpoint)
        try:
            yield
        finally:
            del self._handling[token]

    def count(self, outcome: str) -> None:
        with self._lock:
            self._handled += 1
            self._failed += outcome in ("failed", "retried")

    def _run(self) -> None:
        while True:
            try:
                self._heartbeats.beat(self._beat())
            except StoreUnavailable:
                logger.info("no heartbeat: the store is away")
            except Exception:
                # Whatever it is, the work of this process goes on.
                logger.exception("no heartbeat")
            if self._stop.wait(self._every):
                return

    def _beat(self) -> Heartbeat:
        since, endpoint = min(self._handling.copy().values(), default=(None, ""))
        return Heartbeat(
            process=self.process,
            kind=self._kind,
            host=socket.gethostname(),
            pid=self._pid,
            channels=self._channels,
            started_at=self._started_at,
            seen_at=self._now(),
            handled=self._handled,
            failed=self._failed,
            handling=endpoint,
            handling_since=since,
        )


def heart_of(deployment: "Deployment", kind: str, channels: Sequence[str] = ()) -> Heart:
    return Heart(deployment.heartbeats, kind=kind, channels=channels, now=deployment.clock.now)
