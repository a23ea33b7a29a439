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
from adapters.sql.monitoring_tables import span, trace, trace_link, trace_message
from ports.outbound.telemetry import SpanKind
from ports.outbound.traces import SpanRecord, TraceSearch, TraceSummary

CORRELATION_ID = "message.correlation_id"
MESSAGE_ID = "message.id"
MESSAGE_KIND = "message.kind"
REQUEST_METHOD = "http.request.method"

# What only looks.
_QUERY = "query"
_READING = {"GET", "HEAD", "OPTIONS"}
_CARRYING = {SpanKind.PRODUCER, SpanKind.CONSUMER}

_LONGEST_NAMES = 2_000  # characters of span names that a summary can be found by
_LONGEST_TEXT = 16_000  # characters of an exception or stack trace
_MOST_SPANS = 2_000
_SERVICES_OF_LATEST = 2_000  # traces
_MOST_FOUND_BY_ID = 1_000


_LATEST_FIRST = (trace.c.started_at.desc(), trace.c.trace_id.desc())


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
    conversation: bool = False
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
        if _is_query(record):
            return
        self.correlation_id = self.correlation_id or str(record.attributes.get(CORRELATION_ID, ""))
        self.conversation = self.conversation or _changes_something(record)

    def join(self, row: sa.Row[Any]) -> None:
        assert self.started_at is not None
        assert self.ended_at is not None
        if row.started_at <= self.started_at:
            self.name, self.service, self.started_at = row.name, row.service, row.started_at
        self.ended_at = max(self.ended_at, row.ended_at)
        self.spans += row.spans
        self.failed_spans += row.failed_spans
        self.correlation_id = row.correlation_id or self.correlation_id
        self.conversation = self.conversation or row.conversation
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
            "conversation": self.conversation,
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
        # The same key twice in one statement would count twice.
        given = {(record.trace_id, record.span_id): record for record in spans}
        with self._database.writing() as connection:
            new = _added(connection, span, [_span_row(given[key]) for key in sorted(given)])
            fresh = [record for key, record in given.items() if key in new]
            self._merge(connection, sorted(_summaries(fresh), key=lambda found: found.trace_id))
            messages = {
                (str(record.attributes[MESSAGE_ID]), record.trace_id)
                for record in fresh
                if MESSAGE_ID in record.attributes and not _is_query(record)
            }
            _added(
                connection,
                trace_message,
                [{"message_id": one, "trace_id": where} for one, where in sorted(messages)],
            )
            links = {(record.trace_id, linked) for record in fresh for linked in _linked(record)}
            _added(
                connection,
                trace_link,
                [{"trace_id": one, "linked_id": other} for one, other in sorted(links)],
            )

    @staticmethod
    def _merge(connection: sa.Connection, summaries: Sequence[_Summary]) -> None:
        new = _added(connection, trace, [summary.row() for summary in summaries])
        known = [summary for summary in summaries if (summary.trace_id,) not in new]
        for summary in known:
            row = connection.execute(
                sa.select(trace).where(trace.c.trace_id == summary.trace_id).with_for_update()
            ).one_or_none()
            if row is None:
                continue  # purged this moment
            summary.join(row)
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
        text = search.text.strip().lower()
        with self._database.single() as connection:
            conditions = _conditions(search)
            if text:
                ids = list(connection.execute(_with_id(text)).scalars())
                conditions.append(
                    trace.c.trace_id.in_(ids)
                    if ids
                    else trace.c.names.contains(text, autoescape=True)
                )
            query = (
                sa.select(trace)
                .where(*conditions)
                .order_by(*_LATEST_FIRST)
                .limit(max(0, min(limit, 200)))
                .offset(max(0, offset))
            )
            return [_summary(row) for row in connection.execute(query)]

    def linked(self, trace_id: str, *, limit: int = 50) -> Sequence[TraceSummary]:
        query = (
            sa.select(trace)
            .where(
                trace.c.trace_id.in_(
                    sa.union(
                        sa.select(trace_link.c.linked_id).where(trace_link.c.trace_id == trace_id),
                        sa.select(trace_link.c.trace_id).where(trace_link.c.linked_id == trace_id),
                    )
                )
            )
            .order_by(*_LATEST_FIRST)
            .limit(max(0, min(limit, 200)))
        )
        with self._database.single() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def services(self) -> Sequence[str]:
        latest = (
            sa.select(trace.c.services)
            .order_by(*_LATEST_FIRST)
            .limit(_SERVICES_OF_LATEST)
            .subquery()
        )
        query = sa.select(latest.c.services).distinct().limit(100)
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
            for table in (trace_link, trace_message, span, trace):
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


def _added(
    connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]
) -> set[tuple[Any, ...]]:
    """Insert what is not there yet, and return the keys of that."""
    if not rows:
        return set()
    insert = postgresql.insert if connection.dialect.name == POSTGRESQL else sqlite.insert
    statement = insert(table).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return {tuple(row) for row in connection.execute(statement, rows)}


def _is_query(record: SpanRecord) -> bool:
    return record.attributes.get(MESSAGE_KIND) == _QUERY


def _changes_something(record: SpanRecord) -> bool:
    method = record.attributes.get(REQUEST_METHOD)
    if method is not None:
        return method not in _READING
    return record.kind in _CARRYING or MESSAGE_KIND in record.attributes


def _linked(record: SpanRecord) -> Iterable[str]:
    """Ids of other traces."""
    ids = (link.split("-")[1] for link in record.links if link.count("-") == 3)
    return [found for found in ids if found != record.trace_id]


def _with_id(text: str) -> sa.Select[Any]:
    """Traces that are that one, bear that correlation, or know that message."""
    of_message = sa.select(trace_message.c.trace_id).where(trace_message.c.message_id == text)
    found = sa.union(
        sa.select(trace.c.trace_id).where(trace.c.trace_id == text),
        sa.select(trace.c.trace_id).where(trace.c.correlation_id == text),
        of_message,
    ).subquery()
    return sa.select(found.c.trace_id).limit(_MOST_FOUND_BY_ID)


def _conditions(search: TraceSearch) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if search.conversations_only:
        found.append(trace.c.conversation == sa.true())
    if search.service:
        found.append(trace.c.services.contains(f"|{search.service}|", autoescape=True))
    if search.correlation_id:
        found.append(trace.c.correlation_id == search.correlation_id)
    if search.failed_only:
        # As the index says it: with a parameter it would not be taken.
        found.append(sa.literal_column("failed_spans > 0", sa.Boolean))
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
