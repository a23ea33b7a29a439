"""Spans in a database, with a summary row per trace."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.engines import POSTGRESQL
from adapters.sql.monitoring_tables import span, trace, trace_message
from ports.outbound.telemetry import SpanKind
from ports.outbound.traces import SpanRecord, TraceSearch, TraceSummary

CORRELATION_ID = "message.correlation_id"
MESSAGE_ID = "message.id"

_LONGEST_NAMES = 2_000  # characters of span names that a summary can be found by
_LONGEST_TEXT = 16_000  # characters of an exception or stack trace
_MOST_SPANS = 2_000


@dataclass(slots=True)
class _Summary:
    """What one batch of spans adds to the summary of a trace."""

    trace_id: str
    name: str = ""
    service: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    spans: int = 0
    failed_spans: int = 0
    correlation_id: str = ""
    services: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def take(self, record: SpanRecord) -> None:
        ended_at = record.started_at + record.duration
        if self.started_at is None or record.started_at < self.started_at:
            self.started_at = record.started_at
            self.name, self.service = record.name, record.service
        if self.ended_at is None or ended_at > self.ended_at:
            self.ended_at = ended_at
        self.spans += 1
        self.failed_spans += record.failed
        self.services.add(record.service)
        self.names.add(record.name.lower())
        self.correlation_id = self.correlation_id or str(record.attributes.get(CORRELATION_ID, ""))

    def join(self, row: sa.Row[Any]) -> None:
        assert self.started_at is not None
        assert self.ended_at is not None
        if row.started_at <= self.started_at:
            self.name, self.service, self.started_at = row.name, row.service, row.started_at
        self.ended_at = max(self.ended_at, row.ended_at)
        self.spans += row.spans
        self.failed_spans += row.failed_spans
        self.correlation_id = row.correlation_id or self.correlation_id
        self.services |= _unbarred(row.services)
        self.names |= set(row.names.split("\n"))

    def row(self) -> dict[str, Any]:
        assert self.started_at is not None
        assert self.ended_at is not None
        return {
            "trace_id": self.trace_id,
            "name": self.name,
            "service": self.service,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "duration_us": (self.ended_at - self.started_at) // timedelta(microseconds=1),
            "spans": self.spans,
            "failed_spans": self.failed_spans,
            "correlation_id": self.correlation_id,
            "services": "|" + "|".join(sorted(self.services)) + "|",
            "names": "\n".join(sorted(self.names))[:_LONGEST_NAMES],
        }


class SqlTraces:
    """See :class:`ports.outbound.traces.Traces`."""

    def __init__(self, database: DeploymentDatabase) -> None:
        self._database = database

    def save(self, spans: Sequence[SpanRecord]) -> None:
        if not spans:
            return
        with self._database.writing() as connection:
            fresh = [record for record in spans if _was_new(connection, span, _span_row(record))]
            for summary in sorted(_summaries(fresh), key=lambda found: found.trace_id):
                self._merge(connection, summary)
            messages = {
                (str(record.attributes[MESSAGE_ID]), record.trace_id)
                for record in fresh
                if MESSAGE_ID in record.attributes
            }
            for message_id, trace_id in sorted(messages):
                _was_new(
                    connection, trace_message, {"message_id": message_id, "trace_id": trace_id}
                )

    @staticmethod
    def _merge(connection: sa.Connection, summary: _Summary) -> None:
        if _was_new(connection, trace, summary.row()):
            return
        known = connection.execute(
            sa.select(trace).where(trace.c.trace_id == summary.trace_id).with_for_update()
        ).one()
        summary.join(known)
        connection.execute(
            sa.update(trace).where(trace.c.trace_id == summary.trace_id).values(summary.row())
        )

    def spans(self, trace_id: str, *, limit: int = _MOST_SPANS) -> Sequence[SpanRecord]:
        query = (
            sa.select(span)
            .where(span.c.trace_id == trace_id)
            .order_by(span.c.started_at, span.c.span_id)
            .limit(max(0, min(limit, _MOST_SPANS)))
        )
        with self._database.single() as connection:
            return [_record(row) for row in connection.execute(query)]

    def search(self, search: TraceSearch, *, limit: int, offset: int = 0) -> Sequence[TraceSummary]:
        query = (
            sa.select(trace)
            .where(*_conditions(search))
            .order_by(trace.c.started_at.desc(), trace.c.trace_id)
            .limit(max(0, min(limit, 200)))
            .offset(max(0, offset))
        )
        with self._database.single() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def services(self) -> Sequence[str]:
        query = sa.select(trace.c.services).distinct().limit(100)
        with self._database.single() as connection:
            found: set[str] = set()
            for services in connection.execute(query).scalars():
                found |= _unbarred(services)
        return sorted(found)[:100]

    def purge(self, *, before: datetime, limit: int) -> int:
        oldest = (
            sa.select(trace.c.trace_id)
            .where(trace.c.started_at < before)
            .order_by(trace.c.started_at)
            .limit(limit)
        )
        with self._database.writing() as connection:
            ids = list(connection.execute(oldest).scalars())
            gone = 0
            for table in (trace_message, span, trace):
                removed = connection.execute(
                    sa.delete(table).where(table.c.trace_id.in_(ids))
                ).rowcount
                gone = removed if table is span else gone
        return gone


def _summaries(records: Iterable[SpanRecord]) -> Iterable[_Summary]:
    found: dict[str, _Summary] = {}
    for record in records:
        found.setdefault(record.trace_id, _Summary(record.trace_id)).take(record)
    return found.values()


def _was_new(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> bool:
    """Insert it unless it is there. Asked by RETURNING: SQLAlchemy knows no number of inserted rows
    with psycopg."""
    insert = postgresql.insert if connection.dialect.name == POSTGRESQL else sqlite.insert
    statement = insert(table).values(row).on_conflict_do_nothing().returning(sa.literal(1))
    return connection.execute(statement).first() is not None


def _conditions(search: TraceSearch) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    text = search.text.strip().lower()
    if text:
        of_message = sa.select(trace_message.c.trace_id).where(trace_message.c.message_id == text)
        found.append(
            trace.c.names.contains(text, autoescape=True)
            | (trace.c.trace_id == text)
            | (trace.c.correlation_id == text)
            | trace.c.trace_id.in_(of_message)
        )
    if search.service:
        found.append(trace.c.services.contains(f"|{search.service}|", autoescape=True))
    if search.correlation_id:
        found.append(trace.c.correlation_id == search.correlation_id)
    if search.failed_only:
        found.append(trace.c.failed_spans > 0)
    if search.at_least is not None:
        found.append(trace.c.duration_us >= search.at_least // timedelta(microseconds=1))
    if search.since is not None:
        found.append(trace.c.started_at >= search.since)
    return found


def _span_row(record: SpanRecord) -> dict[str, Any]:
    return {
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "parent_id": record.parent_id,
        "name": record.name,
        "kind": record.kind.value,
        "service": record.service,
        "started_at": record.started_at,
        "duration_us": record.duration // timedelta(microseconds=1),
        "failed": record.failed,
        "exception": record.exception[:_LONGEST_TEXT],
        "stack_trace": record.stack_trace[-_LONGEST_TEXT:],
        "attributes": json.dumps(dict(record.attributes), sort_keys=True),
        "links": json.dumps(list(record.links)),
    }


def _record(row: sa.Row[Any]) -> SpanRecord:
    return SpanRecord(
        trace_id=row.trace_id,
        span_id=row.span_id,
        parent_id=row.parent_id,
        name=row.name,
        kind=SpanKind(row.kind),
        service=row.service,
        started_at=row.started_at,
        duration=timedelta(microseconds=row.duration_us),
        failed=row.failed,
        exception=row.exception,
        stack_trace=row.stack_trace,
        attributes=json.loads(row.attributes),
        links=tuple(json.loads(row.links)),
    )


def _summary(row: sa.Row[Any]) -> TraceSummary:
    return TraceSummary(
        trace_id=row.trace_id,
        name=row.name,
        service=row.service,
        started_at=row.started_at,
        duration=timedelta(microseconds=row.duration_us),
        spans=row.spans,
        failed_spans=row.failed_spans,
        correlation_id=row.correlation_id,
        services=tuple(sorted(_unbarred(row.services))),
    )


def _unbarred(text: str) -> set[str]:
    return {name for name in text.split("|") if name}
