"""The command bus around a handler that does nothing."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from opentelemetry.sdk.trace.export import SpanExporter

from adapters.memory.store import MemoryStore
from adapters.sql.store import SqlStore
from adapters.system.time import SystemClock
from adapters.telemetry.opentelemetry import OpenTelemetry
from bench.lines import Line, Unit, at_most
from bench.parcels import DoNothing, runtime_without_broker
from bench.rounds import Effort, interleaved
from ports.outbound.telemetry import Tracer
from ports.outbound.transactions import Store

_ROUNDS = 21
_COMMANDS = 5_000


def bus(effort: Effort, folder: Path) -> list[Line]:
    """Processor time, which is what it costs: there is nothing to wait for."""
    telemetry = OpenTelemetry(list[SpanExporter])
    # Nothing connects to it.
    url = f"sqlite:///{folder / 'bus.db'}"
    with closing(SqlStore(url, "noop")) as store, closing(telemetry):
        works = {
            "sql": _times(store, None, effort),
            "memory": _times(MemoryStore("noop", SystemClock()), None, effort),
            "recording": _times(store, telemetry.tracer("noop"), effort),
        }
        found = interleaved(works, rounds=effort.count(_ROUNDS))
    return [
        _line("command bus, SQL store, handler does nothing", found["sql"], bound=20),
        _line("the same on the store in memory", found["memory"]),
        _line("the same as the first, spans recorded", found["recording"]),
    ]


def _times(store: Store, tracer: Tracer | None, effort: Effort) -> Callable[[int], float]:
    send = runtime_without_broker("noop", store, tracer=tracer).commands.send
    command, count = DoNothing(), effort.count(_COMMANDS, least=10)

    def measure(_: int) -> float:
        """Microseconds."""
        began = time.thread_time()
        for _ in range(count):
            send(command)
        return (time.thread_time() - began) / count * 1e6

    return measure


def _line(what: str, microseconds: float, *, bound: float | None = None) -> Line:
    return Line(
        figure="bus",
        what=what,
        ours=microseconds,
        unit=Unit.MICROSECONDS,
        wanted=None if bound is None else at_most(bound),
    )
