"""The test kit: a small runtime from chosen classes, on memory and virtual time.

Drive it as a user would: send, publish, run a channel, let time pass, ask, and look at what was
sent, published and parked. Handlers run when their channel is run, never in the background.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.memory.channel import MemoryChannel
from adapters.memory.database import MemoryDatabase
from adapters.memory.message_table import MemoryWaitingDeliveries
from adapters.memory.store import MemoryStore
from adapters.memory.telemetry import NoTracer, RecordingMetrics
from adapters.memory.time import SequentialIdentifiers, VirtualClock
from adapters.memory.wakeups import MemoryWakeUps
from adapters.serialization.msgspec_serialization import MsgspecSerialization
from app.messaging.distributing import ServiceMap
from app.messaging.runtime import Declared, Runtime, Surroundings
from app.testing.recording import Recorder
from ports.messages import NO_HEADERS, Delivery, HeaderValue
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from ports.outbound.failed_messages import FailedMessage
from ports.outbound.message_table import WaitingDeliveries
from ports.outbound.telemetry import Tracer
from ports.outbound.time import Clock
from ports.outbound.transactions import Store
from ports.outbound.wakeups import WakeUps


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where a flow keeps everything, instead of memory. A database has a clock of its own, which no
    flow can move."""

    store: Store
    waiting: WaitingDeliveries
    wake_ups: WakeUps


# A flow that hands over more than this in one run is taken for a loop.
MOST_DELIVERIES = 10_000


class Flow:
    """One context under test. Give several flows the same ``database``, ``clock`` and ``network``
    (the channels by full name) to let contexts talk."""

    def __init__(
        self,
        *,
        context: str = "testing",
        aggregates: Sequence[type] = (),
        handlers: Sequence[object] = (),
        services: Mapping[type, object] | None = None,
        channels: Sequence[str | ChannelDeclaration] = (),
        service_map: ServiceMap | None = None,
        clock: VirtualClock | None = None,
        database: MemoryDatabase | None = None,
        network: dict[str, MemoryChannel] | None = None,
        tracer: Tracer | None = None,
        storage: Storage | None = None,
    ) -> None:
        self.clock = clock or VirtualClock()
        self.network = {} if network is None else network
        self.metrics = RecordingMetrics()
        self.recorder = Recorder()
        service_map = service_map or ServiceMap()
        storage = storage or _in_memory(context, self.clock, database or MemoryDatabase())
        self.store, self.waiting = storage.store, storage.waiting
        declared = [_declaration(channel) for channel in channels]
        names = [
            f"{context}.{channel.name}"
            for channel in declared
            if channel.kind is ChannelKind.IN_MEMORY
        ]
        names += [
            channel for service, channel in service_map.channels.items() if service != context
        ]
        for name in names:
            self.network.setdefault(name, MemoryChannel(name))
        self.runtime = Runtime(
            context,
            Surroundings(
                store=storage.store,
                waiting=storage.waiting,
                wake_ups=storage.wake_ups,
                serialization=MsgspecSerialization(),
                clock=self.clock,
                identifiers=SequentialIdentifiers(series=sum(context.encode())),
                tracer=tracer or NoTracer(),
                metrics=self.metrics,
            ),
            Declared(
                aggregates=aggregates,
                handlers=[*handlers, self.recorder],
                services=services or {},
                channels=declared,
                senders={name: self.network[name] for name in names},
                service_map=service_map,
            ),
        )
        self._context = context
        self._relay = self.runtime.relay()

    def send(self, command: object, **options: Any) -> Any:
        return self.runtime.commands.send(command, **options)

    def publish(self, event: object, *, headers: Mapping[str, HeaderValue] = NO_HEADERS) -> None:
        self.runtime.events.publish(event, headers=headers)

    def ask(self, query: object) -> Any:
        return self.runtime.queries.ask(query)

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    def relay(self) -> None:
        """Hand over everything that is due, and wake projections."""
        for _ in range(MOST_DELIVERIES):
            if not self._relay.pump():
                self.runtime.projections.wake(self.network)
                return
        raise AssertionError("the message table does not run empty: is there a loop?")

    def run(self, channel: str) -> int:
        """Handle what is due on a channel until it is empty; how many deliveries there were."""
        name = f"{self._context}.{channel}"
        declared = self.runtime.channels[name]
        if declared.kind is ChannelKind.DATABASE:
            return self.runtime.database_channel_consumer(name).pump(limit=MOST_DELIVERIES)
        for handled in range(MOST_DELIVERIES):
            self.relay()
            delivery = self.network[name].receive()
            if delivery is None:
                return handled
            self.runtime.receive(delivery)
        raise AssertionError(f"channel {channel} does not run empty: is there a loop?")

    def run_all(self) -> int:
        """Every queued channel of this context, round and round, until all are empty."""
        total = 0
        while True:
            handled = sum(
                self.run(channel.name)
                for channel in self.runtime.channels.values()
                if channel.kind is not ChannelKind.DIRECT
            )
            if not handled:
                return total
            total += handled

    def take(self, channel: str) -> Delivery | None:
        """The next delivery of a channel as it would reach its consumer, to look at."""
        self.relay()
        return self.network[f"{self._context}.{channel}"].receive()

    def published(self, *kinds: type) -> list[object]:
        """Events so far, in order, of these classes or of all."""
        return self.recorder.events(*kinds)

    def failed_messages(self) -> list[FailedMessage]:
        def read(unit: Any) -> list[FailedMessage]:
            found = (
                unit.failed_messages.find(failed)
                for failed in unit.failed_messages.oldest(limit=1_000)
            )
            return [failed for failed in found if failed is not None]

        return self.runtime.transactions.once(read)


def _in_memory(context: str, clock: Clock, database: MemoryDatabase) -> Storage:
    store = MemoryStore(context, clock, database=database)
    return Storage(
        store=store, waiting=MemoryWaitingDeliveries(store), wake_ups=MemoryWakeUps(database)
    )


def _declaration(channel: str | ChannelDeclaration) -> ChannelDeclaration:
    if isinstance(channel, str):
        return ChannelDeclaration(name=channel, kind=ChannelKind.IN_MEMORY)
    return channel
