"""What is measured: a small context with one of everything, and the runtime around it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic_ns

import sqlalchemy as sa

from adapters.celery_channels.broker import Broker, ChannelQueue
from adapters.celery_channels.publishing import CelerySender
from adapters.memory.channel import MemoryChannel
from adapters.memory.database import MemoryDatabase
from adapters.memory.message_table import MemoryWaitingDeliveries
from adapters.memory.store import MemoryStore
from adapters.memory.telemetry import NoMetrics, NoTracer
from adapters.memory.wakeups import MemoryWakeUps
from adapters.serialization.envelopes import encode_delivery
from adapters.serialization.msgspec_serialization import MsgspecSerialization
from adapters.sql.connections import Connections
from adapters.sql.store import SqlStore
from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from adapters.sql.wakeups import SqlWakeUps
from adapters.sql_broker.registration import register
from adapters.system.time import SystemClock, UuidV7Identifiers
from app.messaging.runtime import Declared, Runtime, Surroundings
from ports.inbound.aggregates import applies, event_sourced_aggregate
from ports.inbound.delivery import asynchronous
from ports.inbound.handlers import command_handler, event_handler, named
from ports.inbound.projections import projection, resets
from ports.messages import Delivery, Envelope, Metadata
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from ports.outbound.telemetry import Tracer
from ports.outbound.transactions import Store

TEXT = "x" * 160

# Beside the tables of the product; both sides write to it.
SHELF = """CREATE TABLE bench_shelf (
    owner text NOT NULL, parcel_id text NOT NULL, place text NOT NULL,
    moved_at timestamptz NOT NULL)"""
_shelf = sa.table(
    "bench_shelf",
    sa.column("owner", sa.Text),
    sa.column("parcel_id", sa.Text),
    sa.column("place", sa.Text),
    sa.column("moved_at", sa.DateTime(timezone=True)),
)


_SHELVED = sa.insert(_shelf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    parcel_id: str
    to: str


@named("bench.parcel_was_moved")
@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelWasMoved:
    parcel_id: str
    to: str
    moved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DoNothing:
    pass


@event_sourced_aggregate("parcel", identifier="parcel_id")
class Parcel:
    def __init__(self) -> None:
        self.parcel_id = ""
        self.moves = 0

    @command_handler()
    @classmethod
    def send(cls, command: Move) -> list[ParcelWasMoved]:
        return [ParcelWasMoved(parcel_id=command.parcel_id, to=command.to, moved_at=_now())]

    @command_handler()
    def move(self, command: Move) -> list[ParcelWasMoved]:
        return [ParcelWasMoved(parcel_id=self.parcel_id, to=command.to, moved_at=_now())]

    @applies
    def _moved(self, event: ParcelWasMoved) -> None:
        self.parcel_id = event.parcel_id
        self.moves += 1


class Handlers:
    @event_handler(endpoint="bench.note")
    @asynchronous("notes")
    def note(self, event: ParcelWasMoved) -> None: ...

    @command_handler()
    def nothing(self, command: DoNothing) -> None: ...


class Shelves:
    """A transactional handler that writes one row."""

    def __init__(self, context: str, connections: Connections) -> None:
        self._context = context
        self._connections = connections

    @event_handler(endpoint="bench.note")
    @asynchronous("notes")
    def shelve(self, event: ParcelWasMoved) -> None:
        self._connections.write(_SHELVED, _row(self._context, event))


class Stamps:
    """Notes when its handler was called, in a file that both sides know."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @event_handler(endpoint="bench.note")
    @asynchronous("notes")
    def stamp(self, event: ParcelWasMoved) -> None:
        # One clock for all processes of the machine.
        os.write(self._file, f"{event.parcel_id} {monotonic_ns()}\n".encode())


@projection("bench_shelf", streams=("parcel",), channel="notes")
class ShelfList:
    """One row for each event."""

    def __init__(self, context: str, connections: Connections) -> None:
        self._context = context
        self._connections = connections

    @event_handler()
    def moved(self, event: ParcelWasMoved) -> None:
        self._connections.write(_SHELVED, _row(self._context, event))

    @resets
    def empty(self) -> None:
        self._connections.current().execute(
            sa.delete(_shelf).where(_shelf.c.owner == self._context)
        )


def a_broker(context: str, url: str) -> Broker:
    register()
    queue = ChannelQueue(context=context, declaration=ChannelDeclaration(name="notes"))
    return Broker(url=url, queues=(queue,))


def runtime_with_broker(
    context: str, store: SqlStore, broker: Broker, handlers: Sequence[object]
) -> Runtime:
    """As the product wires it: its messages leave for a broker."""
    name = f"{context}.notes"
    sender = CelerySender(broker, encode=encode_delivery)
    return Runtime(
        context,
        _surroundings(
            store,
            waiting=SqlWaitingDeliveries(store),
            wake_ups=SqlWakeUps(store.url.render_as_string(hide_password=False), context),
        ),
        Declared(
            aggregates=[Parcel],
            handlers=handlers,
            channels=[ChannelDeclaration(name="notes")],
            senders={name: sender.channel(name)},
        ),
    )


def runtime_without_broker(
    context: str,
    store: Store,
    *,
    handlers: Sequence[object] = (),
    tracer: Tracer | None = None,
) -> Runtime:
    """Its messages stay in the message table: the relay is not part of what is measured."""
    name = f"{context}.notes"
    clock = SystemClock()
    return Runtime(
        context,
        _surroundings(
            store,
            waiting=MemoryWaitingDeliveries(MemoryStore(context, clock)),
            wake_ups=MemoryWakeUps(MemoryDatabase()),
            tracer=tracer,
        ),
        Declared(
            aggregates=[Parcel],
            handlers=handlers or [Handlers()],
            channels=[ChannelDeclaration(name="notes", kind=ChannelKind.IN_MEMORY)],
            senders={name: MemoryChannel(name)},
        ),
    )


def _surroundings(
    store: Store, *, waiting: object, wake_ups: object, tracer: Tracer | None = None
) -> Surroundings:
    return Surroundings(
        store=store,
        waiting=waiting,  # type: ignore[arg-type]
        wake_ups=wake_ups,  # type: ignore[arg-type]
        serialization=MsgspecSerialization(),
        clock=SystemClock(),
        identifiers=UuidV7Identifiers(),
        tracer=tracer or NoTracer(),
        metrics=NoMetrics(),
    )


def mover(runtime: Runtime) -> Callable[[str], object]:
    """Sends the command that moves one parcel."""
    send = runtime.commands.send
    return lambda key: send(Move(parcel_id=key, to=TEXT))


def deliveries(context: str, count: int) -> list[Delivery]:
    """As the message table holds them, each of a parcel of its own."""
    identifiers, moment = UuidV7Identifiers(), _now()
    codec = MsgspecSerialization().codec(ParcelWasMoved, contract=False)
    found = []
    for number in range(count):
        identifier = identifiers.new()
        event = ParcelWasMoved(parcel_id=f"parcel-{number}", to=TEXT, moved_at=moment)
        found.append(
            Delivery(
                envelope=Envelope(
                    payload=codec.encode(event),
                    name="bench.parcel_was_moved",
                    metadata=Metadata(
                        id=identifier, correlation_id=identifier, timestamp=moment, source=context
                    ),
                ),
                channel=f"{context}.notes",
                endpoint="bench.note",
            )
        )
    return found


def _row(owner: str, event: ParcelWasMoved) -> dict[str, object]:
    return {
        "owner": owner,
        "parcel_id": event.parcel_id,
        "place": event.to,
        "moved_at": event.moved_at,
    }


def _now() -> datetime:
    return datetime.now(UTC)
