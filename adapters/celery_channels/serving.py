"""What the processes of a worker run jobs with.

A process opens its resources itself, after any fork, and at the latest with its first job.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from celery.exceptions import Ignore

from adapters.celery_channels.broker import ChannelQueue
from adapters.celery_channels.jobs import Job, Park, Probe, Receive, Revoked, TimedOut
from adapters.celery_channels.quarantine import Quarantine
from adapters.celery_channels.watchdog import Watchdog
from adapters.celery_channels.wire import envelope_bytes
from ports.errors import (
    DeliveryRevoked,
    DeliveryTimedOut,
    StoreUnavailable,
    Unavailable,
    UnreadableMessage,
)
from ports.messages import Delivery
from ports.outbound.channels import Receiver, RejectedReceiver

logger = logging.getLogger(__name__)

Decode = Callable[[bytes], Delivery]
Fail = Callable[[Delivery, Exception], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivers:
    """What one context does with what arrives for it.

    ``receive`` and ``reject`` are those of ``ports.outbound.channels``. ``fail`` makes a delivery
    fail by compare and set while its handler may still be running, in this process or another.
    ``storage_is_back`` asks the context's store; it returns quickly and does not raise.
    """

    receive: Receiver
    reject: RejectedReceiver
    fail: Fail
    storage_is_back: Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerProcess:
    """What one operating system process has open: receivers by context."""

    receivers: Mapping[str, Receivers]
    maintenance: Callable[[], object] = field(default=lambda: None)
    close: Callable[[], object] = field(default=lambda: None)


OpenProcess = Callable[[], HandlerProcess]


class HandBack(Ignore):
    """No outcome could be committed: the message is to be handed over again.

    Celery's own exception for this is logged with a stack trace, for each message, all the while
    that a storage is away; this one is not.
    """


class Serving:
    """Runs jobs; used by all threads of a process."""

    def __init__(
        self,
        *,
        decode: Decode,
        open_process: OpenProcess,
        time_limits: Mapping[str, float],
    ) -> None:
        self._decode = decode
        self._open_process = open_process
        self._time_limits = time_limits
        self._lock = threading.Lock()
        self._opened: tuple[int, HandlerProcess] | None = None
        self.watchdog: Watchdog | None = None  # where the pool itself knows no time limits
        self.quarantine: Quarantine | None = None  # where several handlers share a process
        # Contexts whose storage is away; what was prefetched for them goes back unhandled. Only
        # seen by jobs that run in the worker's main process.
        self.held: set[str] = set()

    def open(self) -> HandlerProcess:
        opened = self._opened
        if opened is not None and opened[0] == os.getpid():
            return opened[1]
        if opened is not None:
            self._lock = threading.Lock()  # the parent's may be held for ever in a forked child
        with self._lock:
            opened = self._opened
            if opened is None or opened[0] != os.getpid():
                self._opened = opened = (os.getpid(), self._open_process())
            return opened[1]

    def close(self) -> None:
        if self._opened is not None and self._opened[0] == os.getpid():
            self._opened[1].close()
            self._opened = None

    def time_limit(self, endpoint: str, queue: ChannelQueue) -> float:
        """Seconds for one try of that endpoint's handler."""
        return self._time_limits.get(endpoint, queue.declaration.time_limit_seconds)

    def run(self, queue: ChannelQueue, job: Job) -> None:
        """Do the job; returning means that its outcome is committed.

        Raises:
            HandBack
        """
        try:
            self._run(queue, job)
        except Unavailable as error:
            logger.info("message goes back", extra={"channel": queue.name, "error": str(error)})
            raise HandBack(type(error).__name__) from None
        except Exception as error:
            logger.exception("message goes back", extra={"channel": queue.name})
            raise HandBack(type(error).__name__) from None

    def maintain(self) -> None:
        self.open().maintenance()

    def _run(self, queue: ChannelQueue, job: Job) -> None:
        receivers = self.open().receivers[queue.context]
        match job:
            case Receive():
                self._receive(queue, receivers, job)
            case Park():
                receivers.reject(queue.name, job.raw, UnreadableMessage(job.reason))
            case Revoked():
                self._fail(queue, receivers, job.text, lambda d: DeliveryRevoked(d.endpoint))
            case TimedOut():
                seconds = job.seconds
                self._fail(
                    queue, receivers, job.text, lambda d: DeliveryTimedOut(d.endpoint, seconds)
                )
            case Probe():
                if not receivers.storage_is_back():
                    raise StoreUnavailable(f"the storage of {queue.context} is still away")

    def _receive(self, queue: ChannelQueue, receivers: Receivers, job: Receive) -> None:
        self._check_held(queue)
        delivery = self._decoded(queue, receivers, job.text)
        if delivery is None:
            return
        try:
            if self.quarantine is None:
                self._handle(queue, receivers, delivery, job.hand_overs)
            else:
                with self.quarantine.place(job.hand_overs):
                    self._check_held(queue)  # it may have waited
                    self._handle(queue, receivers, delivery, job.hand_overs)
        except Unavailable:
            raise
        except Exception as error:
            # Nothing that waiting would mend. The first time it goes back all the same; another
            # time it is kept, or it would go round for ever.
            if not job.hand_overs:
                raise
            receivers.reject(queue.name, envelope_bytes(job.text), error)

    def _check_held(self, queue: ChannelQueue) -> None:
        if queue.context in self.held:
            raise StoreUnavailable(f"the storage of {queue.context} is away")

    def _handle(
        self, queue: ChannelQueue, receivers: Receivers, delivery: Delivery, hand_overs: int
    ) -> None:
        if self.watchdog is None:
            receivers.receive(delivery, hand_overs)
            return
        seconds = self.time_limit(delivery.endpoint, queue)
        with self.watchdog.watching(delivery, seconds, receivers.fail):
            receivers.receive(delivery, hand_overs)

    def _fail(
        self,
        queue: ChannelQueue,
        receivers: Receivers,
        text: str,
        error: Callable[[Delivery], Exception],
    ) -> None:
        delivery = self._decoded(queue, receivers, text)
        if delivery is not None:
            receivers.fail(delivery, error(delivery))

    def _decoded(self, queue: ChannelQueue, receivers: Receivers, text: str) -> Delivery | None:
        """None: it cannot be read and was kept as it is."""
        raw = text.encode()
        try:
            raw = envelope_bytes(text)
            return self._decode(raw)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it must not be lost
            receivers.reject(queue.name, raw, error)
            return None
