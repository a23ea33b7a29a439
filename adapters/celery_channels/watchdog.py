"""Time limits for pools that know none.

A thread cannot be killed. When a handler takes too long its delivery is failed, so that everybody
sees it, and the worker has to be started anew to be rid of the thread.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from ports.errors import DeliveryTimedOut
from ports.messages import Delivery

logger = logging.getLogger(__name__)

# A busy worker is idle between any two messages; waking the thread for each would cost more.
_LOOKS_BEFORE_SLEEP = 20


@dataclass(slots=True, kw_only=True)
class _Watched:
    delivery: Delivery
    seconds: float
    deadline: float
    fail: Callable[[Delivery, Exception], object]
    expired: bool = False


class Watchdog:
    """Watches the handlers of one process.

    ``stop_taking`` is called once, in the watchdog's thread, when a handler has outlived its limit
    and its delivery was failed. ``leave`` follows when all other handlers have ended or expired,
    and has to end the process.
    """

    def __init__(
        self,
        *,
        stop_taking: Callable[[], object],
        leave: Callable[[], object],
        look_every: timedelta = timedelta(milliseconds=250),
    ) -> None:
        self._stop_taking = stop_taking
        self._leave = leave
        self._pause = look_every.total_seconds()
        self._numbers = itertools.count()
        self._watched: dict[int, _Watched] = {}
        self._something_to_watch = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(
        self, delivery: Delivery, seconds: float, fail: Callable[[Delivery, Exception], object]
    ) -> Iterator[None]:
        number = next(self._numbers)
        self._watched[number] = _Watched(
            delivery=delivery, seconds=seconds, deadline=time.monotonic() + seconds, fail=fail
        )
        if not self._something_to_watch.is_set():
            self._wake()
        try:
            yield
        finally:
            self._watched.pop(number, None)

    def _wake(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="time limits of handlers", daemon=True
                )
                self._thread.start()
        self._something_to_watch.set()

    def _run(self) -> None:
        looks_in_vain = 0
        while not self._fail_expired():
            looks_in_vain = 0 if self._watched else looks_in_vain + 1
            if looks_in_vain > _LOOKS_BEFORE_SLEEP:
                self._sleep()
                looks_in_vain = 0
            time.sleep(self._pause)
        self._stop_taking()
        while any(not watched.expired for watched in list(self._watched.values())):
            time.sleep(self._pause)
            self._fail_expired()
        self._leave()

    def _sleep(self) -> None:
        self._something_to_watch.clear()
        if not self._watched:  # none came before the line above
            self._something_to_watch.wait()

    def _fail_expired(self) -> bool:
        """Whether there was one."""
        now = time.monotonic()
        expired = [
            watched
            for watched in list(self._watched.values())
            if not watched.expired and watched.deadline <= now
        ]
        for watched in expired:
            watched.expired = True
            self._fail(watched)
        return bool(expired)

    def _fail(self, watched: _Watched) -> None:
        endpoint = watched.delivery.endpoint
        logger.error(
            "handler exceeded its time limit, the worker will be restarted",
            extra={"endpoint": endpoint, "seconds": watched.seconds},
        )
        try:
            watched.fail(watched.delivery, DeliveryTimedOut(endpoint, watched.seconds))
        except Exception:
            # The broker hands the message over again once this process is gone.
            logger.exception("delivery could not be failed", extra={"endpoint": endpoint})
