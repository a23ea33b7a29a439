"""What a consuming connection owes the broker while it lives, paid by one background thread.

Acknowledgements are gathered and written together, leases are prolonged however long a handler
keeps the main thread busy, consumers and their queues are marked as alive, leftovers are removed.
"""

import atexit
import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.sql_broker.errors import BrokerConnectionLost
from adapters.sql_broker.forking import not_while_forking
from adapters.sql_broker.options import BrokerOptions
from adapters.sql_broker.store import Lease, Registered, Store

logger = logging.getLogger(__name__)

_RENEWALS_PER_LEASE = 3
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_LAST_WORDS_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The end of one delivery: the message is deleted or becomes visible again."""

    lease: Lease
    queue: str
    requeue: bool
    decided_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What a connection holds just now."""

    leases: Sequence[Lease]
    consumers: Sequence[Registered]
    #: Those that end when nobody says that they are in use.
    queues: Sequence[str]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.queues).union(consumer.queue for consumer in self.consumers)


#: All of this process, for the moment it ends: a daemon thread is not waited for otherwise.
_started: "weakref.WeakSet[Upkeep]" = weakref.WeakSet()


@atexit.register
def _write_last_settlements() -> None:
    for upkeep in list(_started):
        upkeep.stop()


class Upkeep:
    """Works from :meth:`start` until :meth:`stop`, in a thread of its own.

    When the database goes away it tells ``failed`` once and from then on only tries to deliver the
    settlements, for as long as their leases can last: what was done is not done again just because
    the database restarted meanwhile. ``settle`` may be called at any time, even after the end.
    """

    def __init__(
        self,
        store: Store,
        options: BrokerOptions,
        *,
        holdings: Callable[[], Holdings],
        lost: Callable[[Sequence[Lease]], None],
        settled: Callable[[frozenset[str]], None],
        failed: Callable[[BrokerConnectionLost], None],
    ) -> None:
        self._store = store
        self._options = options
        self._holdings = holdings
        self._lost = lost
        self._settled = settled
        self._failed = failed
        self._changed = threading.Condition()
        self._pending: list[Settlement] = []
        self._writing = False
        self._ending = False
        self._thread: threading.Thread | None = None
        self._keep_alive_s = options.lease.total_seconds() / _RENEWALS_PER_LEASE
        self._keep_alive_at = time.monotonic() + self._keep_alive_s
        self._clean_at = time.monotonic() + self._clean_pause_s()
        self._pid = os.getpid()
        _started.add(self)

    @property
    def running(self) -> bool:
        """Whether the thread is there; at its end it closes the store."""
        return self._thread is not None

    @property
    def settling(self) -> bool:
        """Whether settlements are waiting or being written; ``settled`` is called when they are."""
        return self._writing or bool(self._pending)

    def start(self) -> None:
        """Begin, unless it has begun already or was told to stop."""
        with self._changed:
            if self._thread is None and not self._ending:
                self._run_in_thread()

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Settle soon, together with others; never blocks and never raises."""
        with self._changed:
            self._pending.extend(settlements)
            if self._thread is None:
                self._run_in_thread()
            self._changed.notify_all()

    def stop(self) -> None:
        """Write what was settled, for some seconds at most, and end the thread."""
        if self._pid != os.getpid():
            return
        with self._changed:
            self._ending = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_LAST_WORDS_S)

    def linger(self) -> None:
        """End without waiting: the database is away, the settlements are tried for a while."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def _run_in_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, name="sql-broker-upkeep", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while (batch := self._next_batch()) is not None:
            try:
                with not_while_forking():
                    self._settle(batch)
                    if not self._ending:
                        self._do_duties()
                pause_s = _FIRST_PAUSE_S
            except BrokerConnectionLost as error:
                self._give_up_connection(error, batch)
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except Exception as error:
                # A thread that dies in silence would let every lease run out.
                logger.exception("the broker's upkeep failed")
                self._give_up_connection(BrokerConnectionLost(f"upkeep failed: {error}"), [])
        self._store.close()

    def _next_batch(self) -> list[Settlement] | None:
        """Wait for work; None ends the thread. An empty batch means that duties are due."""
        with self._changed:
            while not self._pending:
                if self._ending:
                    self._thread = None
                    return None
                wait_s = min(self._keep_alive_at, self._clean_at) - time.monotonic()
                if wait_s <= 0:
                    return []
                self._changed.wait(wait_s)
            batch, self._pending = self._pending, []
            self._writing = True
            return batch

    def _settle(self, batch: Sequence[Settlement]) -> None:
        if not batch:
            return
        settle_all(self._store, batch)
        self._writing = False
        self._settled(frozenset(s.queue for s in batch if s.requeue))

    def _do_duties(self) -> None:
        now = time.monotonic()
        if now >= self._keep_alive_at:
            self._keep_alive_at = now + self._keep_alive_s
            self._keep_alive()
        if now >= self._clean_at:
            self._clean_at = now + self._clean_pause_s()
            self._store.clean()

    def _keep_alive(self) -> None:
        held = self._holdings()
        lease = self._options.lease
        gone = self._store.stamp(consumers=held.consumers, queues=held.queues, lease=lease)
        ended = self._store.renew(held.leases, lease) if held.leases else ()
        if not gone and not ended:
            return
        # Much may have been settled and cancelled by the main thread meanwhile.
        held = self._holdings()
        ended = [lease for lease in ended if lease in held.leases]
        if ended:
            logger.warning(
                "leases ended before their messages were done",
                extra={"message_ids": [lease.message_id for lease in ended]},
            )
            self._lost(ended)
        gone &= held.names
        if gone:
            # After a long sleep of this machine others may have removed what seemed abandoned.
            raise BrokerConnectionLost(f"queues were removed: {', '.join(sorted(gone))}")

    def _give_up_connection(
        self, error: BrokerConnectionLost, unsettled: Sequence[Settlement]
    ) -> None:
        oldest = time.monotonic() - self._options.lease.total_seconds()
        kept = [settlement for settlement in unsettled if settlement.decided_at > oldest]
        if len(kept) < len(unsettled):
            logger.warning(
                "acknowledgements were lost with the connection; their messages come again",
                extra={"count": len(unsettled) - len(kept)},
            )
        with self._changed:
            self._writing = False
            self._pending[:0] = kept
            first_time, self._ending = not self._ending, True
        if first_time:
            self._failed(error)

    def _clean_pause_s(self) -> float:
        # Uneven, so that many workers do not clean at the same moment.
        pause_s = self._options.cleanup_interval.total_seconds()
        return pause_s * random.uniform(0.75, 1.25)  # noqa: S311 - spreads work, no secret


def settle_all(store: Store, settlements: Sequence[Settlement]) -> None:
    """Settle in one transaction and tell other consumers what became visible."""
    ended = store.settle(
        acknowledge=[s.lease for s in settlements if not s.requeue],
        requeue=[s.lease for s in settlements if s.requeue],
    )
    for lease in ended:
        logger.info(
            "settled too late: the message was delivered again or removed meanwhile",
            extra={"message_id": lease.message_id, "deliveries": lease.deliveries},
        )
    requeued = frozenset(s.queue for s in settlements if s.requeue)
    if requeued:
        store.announce(requeued)
