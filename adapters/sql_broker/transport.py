"""The kombu transport: one connection of a process to the broker."""

import os
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import sqlalchemy as sa
from kombu.exceptions import ChannelError
from kombu.transport import base

from adapters.sql_broker.addresses import broker_address, database_url, without_password
from adapters.sql_broker.channel import Channel
from adapters.sql_broker.errors import BrokerConnectionLost
from adapters.sql_broker.event_loop import EventLoop
from adapters.sql_broker.options import BrokerOptions
from adapters.sql_broker.registration import SCHEME
from adapters.sql_broker.store import Lease, Registered
from adapters.sql_broker.stores import open_store
from adapters.sql_broker.upkeep import Holdings, Settlement, Upkeep, settle_all
from adapters.sql_broker.watching import ChangeWatch


class Transport(base.Transport):
    """Messages in SQL tables, for ``sqlbroker+sqlite:///…`` and ``sqlbroker+postgresql://…``.

    Nothing is opened before ``establish_connection``, and what a forked child inherits it neither
    uses nor closes.
    """

    driver_type = SCHEME
    driver_name = "sqlalchemy"
    can_parse_url = True

    connection_errors = (BrokerConnectionLost,)
    channel_errors = (ChannelError,)
    recoverable_connection_errors = (BrokerConnectionLost,)
    recoverable_channel_errors = ()

    implements = base.Transport.implements.extend(
        asynchronous=True,
        exchange_type=frozenset({"direct", "topic", "fanout"}),
        heartbeats=False,
    )

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        password = client.password() if callable(client.password) else client.password
        url = database_url(client.hostname, password=password)
        _hide_password(client, url)
        self.options = BrokerOptions.from_transport_options(client.transport_options or {})
        self.store = open_store(url, self.options)
        self.channels: list[Channel] = []
        self._pid = os.getpid()
        self._open = False
        self._failure: BrokerConnectionLost | None = None
        self._failure_was_raised = False
        self._due: set[str] = set()
        self._owned: set[str] = set()
        self._sweep_at = 0.0
        self._recheck_at: dict[str, float] = {}
        self._watch: ChangeWatch | None = None
        self._loop: EventLoop | None = None
        self._upkeep = self._new_upkeep()

    # -- what kombu asks -----------------------------------------------------------------------

    def establish_connection(self) -> "Transport":
        """Reach the database and check its tables; SQLite's are made when they are missing."""
        self.store.connect()
        if self._failure is not None:
            # kombu connects again without closing what was lost.
            self.close_connection(self)
            self._failure = self._loop = None
            self._failure_was_raised = False
            self._upkeep = self._new_upkeep()
        self._open = True
        return self

    def close_connection(self, connection: Any) -> None:
        """Close all channels; settle and put back what they hold, unless the database is away."""
        self._open = False
        if self._inherited:
            return
        if self._loop is not None:
            self._loop.detach()
        try:
            for channel in list(self.channels):
                channel.close()
            if not self.gone:
                self._upkeep.stop()
                for queue in sorted(self._owned):
                    self.store.delete_queue(queue)
        finally:
            self._upkeep.linger()
            self._owned.clear()
            watch, self._watch = self._watch, None
            if watch is not None:
                watch.close()
            if not self._upkeep.running:
                # Else the thread does it, which may be waiting for a server that hangs.
                self.store.close()

    def create_channel(self, connection: Any) -> Channel:
        channel = Channel(self)
        self.channels.append(channel)
        return channel

    def close_channel(self, channel: Any) -> None:
        if channel in self.channels:
            self.channels.remove(channel)

    def verify_connection(self, connection: Any) -> bool:
        # kombu connects again in silence what is not connected. A loss that a background thread
        # found must reach the consumers first: nobody would deliver to them any more.
        return self._open and not self._inherited and not self._failure_was_raised

    def drain_events(self, connection: Any, timeout: float | None = None, **_: Any) -> None:
        """Deliver one message.

        Raises:
            TimeoutError: none came within ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._deliver_one():
            wait_s = min([self._sweep_at, *self._recheck_at.values()]) - time.monotonic()
            if deadline is not None:
                wait_s = min(wait_s, deadline - time.monotonic())
                if wait_s <= 0 and time.monotonic() >= deadline:
                    raise TimeoutError("no message came in time")
            try:
                self._await_announcement(wait_s)
            except BrokerConnectionLost as error:
                self._fail(error)
                self.check()

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Let the hub of a Celery worker drive this connection."""
        if self._loop is None or not self._loop.attached:
            self._loop = EventLoop(self, loop, self._watching(), self.options)
            self._loop.attach()

    def unregister_from_event_loop(self, connection: Any, loop: Any) -> None:
        if self._loop is not None:
            self._loop.detach()

    def driver_version(self) -> str:
        return sa.__version__

    def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:
        password = self.client.password if self.client is not None else None
        url = database_url(uri, password=password)
        return broker_address(url, hide_password=not include_password)

    # -- what channels and the event loop ask ----------------------------------------------------

    @property
    def gone(self) -> bool:
        """Whether the connection was lost, or belongs to the process that forked this one."""
        return self._failure is not None or self._inherited

    def check(self) -> None:
        """Raise what made the connection useless, if anything did."""
        if self._failure is not None:
            self._failure_was_raised = True
            raise self._failure

    def flag(self, queues: AbstractSet[str] | None) -> AbstractSet[str]:
        """Look soon into those of the queues that are consumed here; None stands for all.

        Returns those.
        """
        consumed = {queue for channel in list(self.channels) for queue in channel.inbox.queues()}
        flagged = consumed if queues is None else consumed & queues
        self._due |= flagged
        return flagged

    def has_work(self) -> bool:
        """Whether to :meth:`fill` and :meth:`deliver` now."""
        settling = self._upkeep.settling
        return any(c.inbox.has_work(self._due, settling=settling) for c in list(self.channels))

    def fill(self) -> None:
        """Claim for all channels that have room."""
        if not self._due:
            return
        try:
            for channel in list(self.channels):
                channel.inbox.fill(self._due)
        except BrokerConnectionLost as error:
            self._fail(error)
            self.check()

    def deliver(self) -> bool:
        """Deliver one claimed message; false when there is none."""
        return any(channel.inbox.deliver() for channel in list(self.channels))

    def consuming(self, queue: str) -> None:
        self._due.add(queue)
        # An announcement from just before was none for this connection, and the next message may
        # go without one.
        self._recheck({queue})
        self._upkeep.start()

    def holding(self) -> None:
        """A channel holds a message without consuming."""
        self._upkeep.start()

    def own(self, queue: str) -> None:
        """Delete this exclusive queue when the connection closes."""
        self._owned.add(queue)
        self._upkeep.start()

    def may_go(self, queue: str) -> None:
        """Do not miss this queue when it is gone: it is deleted, or was read for the last time."""
        self._owned.discard(queue)

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """End deliveries: in the background where an event loop must not wait, else now."""
        if not settlements or self._inherited:
            return
        if self._loop is not None:
            self._upkeep.settle(settlements)
            return
        settle_all(self.store, settlements)
        if not self._open:
            self.store.close()
        self.flag({settlement.queue for settlement in settlements if settlement.requeue})

    # -- details -------------------------------------------------------------------------------

    @property
    def _inherited(self) -> bool:
        return self._pid != os.getpid()

    def _new_upkeep(self) -> Upkeep:
        return Upkeep(
            self.store,
            self.options,
            holdings=self._holdings,
            lost=self._leases_ended,
            settled=self._settled,
            failed=self._fail,
        )

    def _watching(self) -> ChangeWatch:
        if self._watch is None:
            self._watch = self.store.watch()
        return self._watch

    def _deliver_one(self) -> bool:
        self.check()
        if self.deliver():
            return True
        now = time.monotonic()
        if now >= self._sweep_at:
            self._sweep_at = now + self.options.sweep_interval.total_seconds()
            self.flag(None)
        rechecked = {queue for queue, at in self._recheck_at.items() if now >= at}
        for queue in rechecked:
            del self._recheck_at[queue]
        self.flag(rechecked)
        self.fill()
        return self.deliver()

    def _await_announcement(self, wait_s: float) -> None:
        announced = self._watching().wait(wait_s)
        self._recheck(self.flag(announced))

    def _recheck(self, queues: AbstractSet[str]) -> None:
        """Look once more after the watch's pause, which each announcement begins anew.

        Nothing waits for that in vain: the announcement is a reason to look of its own.
        """
        # A watch that is still to be made starts with a look at everything.
        recheck_s = None if self._watch is None else self._watch.recheck_after_s()
        if recheck_s is None:
            return
        if self._loop is not None and self._loop.attached:
            self._loop.flag_later(queues, recheck_s)
        else:
            self._recheck_at.update(dict.fromkeys(queues, time.monotonic() + recheck_s))

    def _fail(self, error: BrokerConnectionLost) -> None:
        if self._failure is None:
            self._failure = error
            if self._loop is not None:
                self._loop.wake()

    def _settled(self, requeued: frozenset[str]) -> None:
        """There is room again, and these queues have messages again; from another thread."""
        if requeued:
            self.flag(requeued)
        if self._loop is not None and self._due:
            self._loop.wake()

    def _leases_ended(self, leases: Sequence[Lease]) -> None:
        for channel in list(self.channels):
            channel.inbox.mark_ended(frozenset(leases))

    def _holdings(self) -> Holdings:
        channels = list(self.channels)
        return Holdings(
            leases=[lease for channel in channels for lease in channel.inbox.leases()],
            consumers=[
                Registered(token=channel.inbox.token, tag=consumer.tag, queue=consumer.queue)
                for channel in channels
                for consumer in channel.inbox.consumers()
            ],
            queues=sorted(self._owned.union(*(c.inbox.expiring_queues() for c in channels))),
        )


def _hide_password(client: Any, url: sa.URL) -> None:
    """Move the password out of the host name, which kombu and Celery show to people.

    ``celery inspect stats`` and Flower print the connection's details without its password, but
    with the whole address that stands for the host in this kind of URL.
    """
    if url.password:
        client.hostname = without_password(url)
        client.password = str(url.password)
