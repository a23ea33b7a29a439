"""Traces: search, and one of them as a waterfall."""

import re
from collections.abc import Sequence
from datetime import timedelta

from flask import Blueprint, abort, render_template, request, url_for

from app.identity.access import operators
from app.operations.console import Console
from app.operations.failed_search import AGES
from app.operations.trace_links import trace_id_of
from app.web.charts import Span
from app.web.components import ActiveFilter
from app.web.paging import ListRequest, Pagination, parse_list_request
from ports.outbound.traces import SpanRecord, TraceSearch

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_DURATIONS = {
    "50ms": timedelta(milliseconds=50),
    "200ms": timedelta(milliseconds=200),
    "1s": timedelta(seconds=1),
    "5s": timedelta(seconds=5),
}
_LABELS = {
    "service": "Service",
    "outcome": "Outcome",
    "at_least": "At least",
    "age": "Began in",
    "correlation_id": "Conversation",
}


def add_traces(blueprint: Blueprint, *, console: Console) -> None:
    @blueprint.get("/traces")
    @operators
    def traces() -> str:
        services = console.traces.services()
        listing = _listing(services)
        search = _search(listing, console)
        # One more than shown tells whether there is a next page; counting would read them all.
        found = console.traces.search(search, limit=listing.size + 1, offset=listing.offset)
        rows = found[: listing.size]
        longest = max((row.duration for row in rows), default=timedelta(0))
        return render_template(
            "operations/traces.html",
            listing=listing,
            rows=rows,
            longest=max(longest, timedelta(microseconds=1)),
            active=_active(listing),
            services=[(name, name) for name in services],
            ages=[(name, label) for name, (label, _) in AGES.items()],
            durations=[(name, name) for name in _DURATIONS],
            pager=Pagination(
                request=listing,
                shown=len(rows),
                total=listing.offset + len(rows),
                total_is_exact=len(found) <= listing.size,
            ),
        )

    @blueprint.get("/traces/<trace_id>")
    @operators
    def trace(trace_id: str) -> str:
        if not _TRACE_ID.fullmatch(trace_id):
            abort(404)
        records = console.traces.spans(trace_id)
        if not records:
            abort(404)
        end = max(record.started_at + record.duration for record in records)
        return render_template(
            "operations/trace.html",
            trace_id=trace_id,
            records=records,
            spans=[_span(record) for record in records],
            took=end - records[0].started_at,
            failed=_origins(records),
            links=_links(records),
            correlation_id=_first(records, "message.correlation_id"),
        )


def _listing(services: Sequence[str]) -> ListRequest:
    return parse_list_request(
        url_for("operations.traces"),
        request.args,
        filters={
            "service": tuple(services),
            "outcome": ("failed",),
            "at_least": tuple(_DURATIONS),
            "age": tuple(AGES),
            "correlation_id": None,
        },
    )


def _search(listing: ListRequest, console: Console) -> TraceSearch:
    filters = listing.filters
    return TraceSearch(
        text=listing.search,
        service=filters.get("service", ""),
        correlation_id=filters.get("correlation_id", ""),
        failed_only=filters.get("outcome") == "failed",
        at_least=_DURATIONS.get(filters.get("at_least", "")),
        since=console.now() - AGES[filters["age"]][1] if "age" in filters else None,
    )


def _active(listing: ListRequest) -> list[ActiveFilter]:
    found = [
        ActiveFilter(
            label=_LABELS[name],
            value=AGES[value][0] if name == "age" else value,
            url_without=listing.url(**{name: None}),
        )
        for name, value in listing.filters.items()
    ]
    if listing.search:
        found.append(
            ActiveFilter(label="Text", value=listing.search, url_without=listing.url(q=None))
        )
    return found


def _span(record: SpanRecord) -> Span:
    return Span(
        id=record.span_id,
        parent=record.parent_id or None,
        name=record.name,
        service=record.service,
        started_at=record.started_at,
        took=record.duration,
        error=record.exception or "failed" if record.failed else None,
        url=f"#span-{record.span_id}",
    )


def _origins(records: Sequence[SpanRecord]) -> list[SpanRecord]:
    """Of the spans that an error passed through, those where it began."""
    failed = [record for record in records if record.failed]
    passed = {record.parent_id for record in failed}
    return [record for record in failed if record.span_id not in passed]


def _links(records: Sequence[SpanRecord]) -> list[str]:
    """Ids of other traces that spans of this one are linked to."""
    own = records[0].trace_id
    found = [trace_id_of(link) for record in records for link in record.links]
    return [trace_id for trace_id in dict.fromkeys(found) if trace_id and trace_id != own]


def _first(records: Sequence[SpanRecord], attribute: str) -> str:
    return next(
        (str(record.attributes[attribute]) for record in records if attribute in record.attributes),
        "",
    )
