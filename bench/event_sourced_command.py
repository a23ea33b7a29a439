"""What a command costs through the whole engine, beside hand-written psycopg on the same tables.

    PYTHONPATH=. python bench/event_sourced_command.py postgresql://postgres@127.0.0.1:5432/some_empty_database

One command on an event-sourced aggregate with a history of three events: load them cold, decide,
append one event and send one message, commit. Then the command bus alone, with a handler that does
nothing: on memory, SQLite (a file in the temporary folder) and PostgreSQL.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from adapters.memory.channel import MemoryChannel
from adapters.memory.database import MemoryDatabase
from adapters.memory.message_table import MemoryWaitingDeliveries
from adapters.memory.store import MemoryStore
from adapters.memory.telemetry import NoMetrics, NoTracer
from adapters.memory.wakeups import MemoryWakeUps
from adapters.serialization.msgspec_serialization import MsgspecSerialization
from adapters.sql.migrating import migrate
from adapters.sql.store import SqlStore
from adapters.system.time import SystemClock, UuidV7Identifiers
from app.messaging.runtime import Declared, Runtime, Surroundings
from ports.inbound.aggregates import applies, event_sourced_aggregate
from ports.inbound.delivery import asynchronous
from ports.inbound.handlers import command_handler, event_handler, named
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from ports.outbound.transactions import Store

_ROUNDS = 11
_PER_ROUND = 300
_NOOPS = 5_000
_TEXT = "x" * 160
_JSON = "application/json"

_LOAD = """SELECT position, stream, aggregate, aggregate_id, version, event_id, name, revision,
content_type, payload, headers, correlation_id, parent_id, source, trace, sent_at FROM runtime_event
WHERE context = %s AND tenant = '' AND stream = %s AND aggregate = %s AND aggregate_id = %s
ORDER BY version"""
_APPEND = """INSERT INTO runtime_event (context, tenant, stream, aggregate, aggregate_id, version,
event_id, name, revision, content_type, payload, headers, correlation_id, source, trace, sent_at)
VALUES (%s, '', %s, %s, %s, %s, %s, %s, 1, %s, %s, '{}', %s, %s, '', %s)"""
_SEND = """INSERT INTO runtime_message (context, tenant, channel, endpoint, message_id, name,
revision, content_type, payload, headers, correlation_id, source, trace, sent_at, attempt,
first_attempt, replayed,
replay_trace, priority, partition_key, created_at, delayed)
VALUES (%s, '', %s, %s, %s, %s, 1, %s, %s, '{}', %s, %s, '', %s, 1, 1, false, '', 4, '', %s,
false)"""


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


def _now() -> datetime:
    return datetime.now(UTC)


class Floor:
    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, prepare_threshold=0)
        self._identifiers = UuidV7Identifiers()

    def move(self, key: str) -> None:
        cursor, moment = self._connection.cursor(), _now()
        events = cursor.execute(_LOAD, ("floor", "parcel", "parcel", key)).fetchall()
        payload = b'{"parcel_id":"%s","to":"%s","moved_at":"%s"}' % (
            key.encode(),
            _TEXT.encode(),
            moment.isoformat().encode(),
        )
        identifier, name = self._identifiers.new(), "bench.parcel_was_moved"
        event = ("floor", "parcel", "parcel", key, len(events) + 1, identifier, name)
        cursor.execute(_APPEND, (*event, _JSON, payload, identifier, "floor", moment))
        head = ("floor", "floor.notes", "bench.note", identifier, name, _JSON, payload)
        cursor.execute(_SEND, (*head, identifier, "floor", moment, moment))
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()


def a_runtime(context: str, store: Store) -> Runtime:
    name = f"{context}.notes"
    # The relay is not part of what is measured.
    elsewhere = MemoryDatabase()
    return Runtime(
        context,
        Surroundings(
            store=store,
            waiting=MemoryWaitingDeliveries(MemoryStore(context, SystemClock())),
            wake_ups=MemoryWakeUps(elsewhere),
            serialization=MsgspecSerialization(),
            clock=SystemClock(),
            identifiers=UuidV7Identifiers(),
            tracer=NoTracer(),
            metrics=NoMetrics(),
        ),
        Declared(
            aggregates=[Parcel],
            handlers=[Handlers()],
            channels=[ChannelDeclaration(name="notes", kind=ChannelKind.IN_MEMORY)],
            senders={name: MemoryChannel(name)},
        ),
    )


def seconds_each(work: Callable[[str], object], keys: list[str]) -> float:
    began = time.perf_counter()
    for key in keys:
        work(key)
    return (time.perf_counter() - began) / len(keys)


def compare_commands(url: str) -> None:
    floor, store = Floor(url), SqlStore(url, "ours")
    commands = a_runtime("ours", store).commands

    def ours(key: str) -> None:
        commands.send(Move(parcel_id=key, to=_TEXT))

    times: dict[str, list[float]] = {"floor": [], "ours": []}
    for number in range(_ROUNDS):
        keys = [f"c{number}-{one}" for one in range(_PER_ROUND)]
        for work in (floor.move, ours):
            for _ in range(3):
                seconds_each(work, keys)
        times["floor"].append(seconds_each(floor.move, keys))
        times["ours"].append(seconds_each(ours, keys))
    by_hand, by_us = (statistics.median(times[one]) for one in ("floor", "ours"))
    print(
        f"event-sourced command   by hand {1 / by_hand:6.0f}/s   ours {1 / by_us:6.0f}/s   "
        f"ratio {by_hand / by_us:.2f} (at least 0.6)"
    )
    floor.close()
    store.close()


def measure_bus(where: str, store: Store) -> None:
    commands, command = a_runtime("noop", store).commands, DoNothing()
    rounds = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for _ in range(_NOOPS):
            commands.send(command)
        rounds.append((time.perf_counter() - began) / _NOOPS)
    microseconds = statistics.median(rounds) * 1e6
    print(f"command bus, {where:10}  {microseconds:6.1f} microseconds (at most 20)")


def main() -> None:
    url = sys.argv[1]
    migrate("runtime", url)
    compare_commands(url)
    measure_bus("memory", MemoryStore("noop", SystemClock()))
    with tempfile.TemporaryDirectory() as folder:
        measure_bus("SQLite", SqlStore(f"sqlite:///{Path(folder) / 'bench.db'}", "noop"))
    measure_bus("PostgreSQL", SqlStore(url, "noop"))


if __name__ == "__main__":
    main()
