"""Every figure, in the order in which they are measured."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.lines import Line
from bench.measuring import bus, commands, desk, handling, projecting, relaying, waking
from bench.rounds import Effort

Measure = Callable[[Effort, Path], list[Line]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """``measure`` gets an empty folder of its own."""

    name: str
    sentence: str
    measure: Measure

    def measured(self, effort: Effort) -> list[Line]:
        """Raises:
        ServerIsMissing
        """
        with tempfile.TemporaryDirectory(prefix="thicket-bench-") as folder:
            lines = self.measure(effort, Path(folder))
        # Others at work on the same machine make every time longer, and no ratio better.
        load = os.getloadavg()[0]
        return [replace(line, load=load) for line in lines]


FIGURES: Sequence[Figure] = (
    Figure(
        name="command",
        sentence="An event-sourced command on PostgreSQL, beside psycopg by hand.",
        measure=commands.on_postgresql,
    ),
    Figure(
        name="command-sqlite",
        sentence="The same on SQLite, beside the standard module by hand.",
        measure=commands.on_sqlite,
    ),
    Figure(
        name="history",
        sentence="The same on PostgreSQL with many and with few old rows in its tables.",
        measure=commands.with_much_history,
    ),
    Figure(
        name="bus",
        sentence="The command bus around a handler that does nothing.",
        measure=bus.bus,
    ),
    Figure(
        name="handling",
        sentence="One worker process on a full queue of RabbitMQ, beside a bare Celery task.",
        measure=handling.handling,
    ),
    Figure(
        name="relay",
        sentence="The relay from a full message table to RabbitMQ, beside a bare publisher.",
        measure=relaying.relaying,
    ),
    Figure(
        name="wake-up",
        sentence="From a commit to its handler while all is idle, PostgreSQL and RabbitMQ.",
        measure=waking.on_servers,
    ),
    Figure(
        name="wake-up-embedded",
        sentence="The same on SQLite and the embedded broker.",
        measure=waking.embedded,
    ),
    Figure(
        name="projection",
        sentence="A projection that catches up, beside executemany by hand.",
        measure=projecting.catching_up,
    ),
    Figure(
        name="projection-memory",
        sentence="What a projection's memory grows by on a long log.",
        measure=projecting.memory,
    ),
    Figure(
        name="report",
        sentence="From a report over HTTP to its ticket in the list, PostgreSQL and RabbitMQ.",
        measure=desk.report_on_servers,
    ),
    Figure(
        name="report-embedded",
        sentence="The same on SQLite and the embedded broker.",
        measure=desk.report_embedded,
    ),
    Figure(
        name="idle",
        sentence="What the embedded product costs while it has nothing to do.",
        measure=desk.idling,
    ),
    Figure(
        name="door",
        sentence="How long ./thicket takes to list its commands.",
        measure=desk.listing,
    ),
)
