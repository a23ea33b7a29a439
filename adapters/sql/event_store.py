"""The event log, as a unit of work sees it."""

from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

from adapters.sql.engines import POSTGRESQL
from adapters.sql.event_fence import LAST_DRAWN, LOWEST_FENCE
from adapters.sql.rows import (
    EVENT_COLUMNS,
    INSTANCE_EVENT_COLUMNS,
    STORED_EVENT_COLUMNS,
    event_from,
    event_of,
)
from adapters.sql.statements import Kind, statement
from ports.outbound.event_store import NewEvent, StoredEvent

if TYPE_CHECKING:
    from adapters.sql.unit_of_work import SqlUnitOfWork

_COLUMNS = ", ".join(STORED_EVENT_COLUMNS)

LOAD = statement(
    "SELECT runtime_event",
    f"SELECT {', '.join(INSTANCE_EVENT_COLUMNS)} FROM runtime_event "
    "WHERE context = :context AND tenant = :tenant "
    "AND stream = :stream AND aggregate = :aggregate AND aggregate_id = :aggregate_id "
    "AND version > :after_version ORDER BY version",
    parameters={
        "context": Kind.TEXT,
        "tenant": Kind.TEXT,
        "stream": Kind.TEXT,
        "aggregate": Kind.TEXT,
        "aggregate_id": Kind.TEXT,
        "after_version": Kind.INT,
    },
    columns=list(INSTANCE_EVENT_COLUMNS.values()),
)

# What the index on the log holds; written as there, or it is not used.
_LOG = "(context || ':' || tenant || ':' || stream)"

# One walk along the index for each stream, so that events of other streams cost nothing.
READ = statement(
    "SELECT runtime_event",
    f"SELECT {', '.join(f'found.{name}' for name in STORED_EVENT_COLUMNS)} "
    "FROM unnest(:logs) AS wanted(log) CROSS JOIN LATERAL ("
    f"SELECT * FROM runtime_event WHERE {_LOG} = wanted.log AND position > :after "
    "AND position <= :until ORDER BY position LIMIT :limit"
    ") AS found ORDER BY found.position LIMIT :limit",
    # Of a single stream: SQLite would sort the rest of the log to merge several.
    sqlite=f"SELECT {_COLUMNS} FROM runtime_event WHERE {_LOG} = :logs ->> '$[0]' "
    "AND position > :after AND position <= :until ORDER BY position LIMIT :limit",
    parameters={"logs": Kind.TEXTS, "after": Kind.INT, "until": Kind.INT, "limit": Kind.INT},
    columns=list(STORED_EVENT_COLUMNS.values()),
)

ANY_AFTER = statement(
    "SELECT runtime_event",
    "SELECT EXISTS (SELECT 1 FROM unnest(:logs) AS wanted(log) CROSS JOIN LATERAL ("
    f"SELECT 1 FROM runtime_event WHERE {_LOG} = wanted.log AND position > :after "
    "AND position <= :until ORDER BY position LIMIT 1) AS found)",
    sqlite="SELECT EXISTS (SELECT 1 FROM json_each(:logs) AS wanted WHERE EXISTS ("
    f"SELECT 1 FROM runtime_event WHERE {_LOG} = wanted.value AND position > :after "
    "AND position <= :until))",
    parameters={"logs": Kind.TEXTS, "after": Kind.INT, "until": Kind.INT},
    columns=[Kind.BOOL],
)

# For SQLite, which takes the rows one by one; PostgreSQL's flush builds its own.
INSERT_EVENT = statement(
    "INSERT runtime_event",
    f"INSERT INTO runtime_event (context, tenant, {', '.join(EVENT_COLUMNS)}) "
    f"VALUES (:context, :tenant, {', '.join(f':{name}' for name in EVENT_COLUMNS)})",
    parameters={"context": Kind.TEXT, "tenant": Kind.TEXT, **EVENT_COLUMNS},
)
EVENT_IS_THERE = statement(
    "SELECT runtime_event",
    "SELECT EXISTS (SELECT 1 FROM runtime_event WHERE context = :context AND tenant = :tenant "
    "AND stream = :stream AND aggregate = :aggregate AND aggregate_id = :aggregate_id "
    "AND version = :version)",
    parameters={
        "context": Kind.TEXT,
        "tenant": Kind.TEXT,
        "stream": Kind.TEXT,
        "aggregate": Kind.TEXT,
        "aggregate_id": Kind.TEXT,
        "version": Kind.INT,
    },
    columns=[Kind.BOOL],
)


class SqlEventStore:
    __slots__ = ("_owner", "_unit")

    def __init__(self, unit: "SqlUnitOfWork") -> None:
        self._unit = unit
        self._owner = (unit.context, unit.tenant)

    def load(
        self, stream: str, aggregate: str, aggregate_id: str, *, after_version: int = 0
    ) -> Sequence[StoredEvent]:
        unit = self._unit
        if unit.buffer.events:
            unit.flush()
        tenant = unit.tenant
        rows = unit.run(LOAD, (*self._owner, stream, aggregate, aggregate_id, after_version))
        return [event_of(stream, aggregate, aggregate_id, row, tenant) for row in rows]

    def append(self, events: Sequence[NewEvent]) -> None:
        self._unit.check_open()
        self._unit.buffer.events.extend(events)

    def read(
        self, streams: Sequence[str], *, after: int, until: int | None = None, limit: int
    ) -> Sequence[StoredEvent]:
        last = self._visible(until)
        if last <= after or not streams:
            return []
        unit = self._unit
        logs = self._logs(streams)
        # PostgreSQL merges the streams; on SQLite each is read alone.
        parts = [logs] if unit.dialect == POSTGRESQL else [[log] for log in logs]
        rows = [row for part in parts for row in unit.run(READ, (part, after, last, limit))]
        if len(parts) > 1:
            rows.sort(key=itemgetter(0))
        return [event_from(row, unit.tenant) for row in rows[:limit]]

    def any_after(self, streams: Sequence[str], *, position: int) -> bool:
        last = self._visible(None)
        if last <= position or not streams:
            return False
        found: bool = self._unit.run(ANY_AFTER, (self._logs(streams), position, last))[0][0]
        return found

    def horizon(self) -> int:
        return self._visible(None)

    def head(self) -> int:
        if self._unit.buffer.events:
            self._unit.flush()
        position: int = self._unit.run(LAST_DRAWN)[0][0]
        return position

    def _logs(self, streams: Sequence[str]) -> list[str]:
        context, tenant = self._owner
        return [f"{context}:{tenant}:{stream}" for stream in streams]

    def _visible(self, until: int | None) -> int:
        # The order of these two, and that the events are read by a third statement, is what keeps
        # a reader from skipping an append that is under way.
        drawn = self.head()
        fence: int | None = self._unit.run(LOWEST_FENCE)[0][0]
        visible = drawn if fence is None else min(drawn, fence)
        return visible if until is None else min(visible, until)
