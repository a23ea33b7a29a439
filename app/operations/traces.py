"""Traces: search, and one of them as a waterfall."""

import re
from collections.abc import Sequence
from datetime import timedelta

from flask import Blueprint, abort, render_template, request, url_for

from app.identity.access import operators
from app.operations.console import Console
from app.operations.failed_search import AGES
from app.operations.trace_links import trace_id_of
from app.operations.trace_spans import correlation_id, drawn, origins, waits
from app.web.components import ActiveFilter, Tab
from app.web.paging import ListRequest, Pagination, parse_list_request
from ports.outbound.traces import TraceSearch

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_DURATIONS = {
    "50ms": timedelta(milliseconds=50),
    "200ms": timedelta(milliseconds=200),
    "1s": timedelta(seconds=1),
    "5s": timedelta(seconds=5),
}
_VIEWS = {"messages": "With messages", "errors": "Errors", "all": "Everything"}
_USUAL_VIEW = "messages"
_LABELS = {
    "service": "Service",
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
        view = request.args.get("view", "")
        view = view if view in _VIEWS else _USUAL_VIEW
        search = _search(view, listing, console)
        # One more than shown tells whether there is a next page; counting would read them all.
        found = console.traces.search(search, limit=listing.size + 1, offset=listing.offset)
        rows = found[: listing.size]
        longest = max((row.duration for row in rows), default=timedelta(0))
        return render_template(
            "operations/traces.html",
            listing=listing,
            view=view,
            views=_tabs(view, listing),
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
            spans=drawn(records),
            waits=waits(records),
            took=end - records[0].started_at,
            failed=origins(records),
            linked=console.traces.linked(trace_id),
            trace_id_of=trace_id_of,
            correlation_id=correlation_id(records),
        )


def _tabs(view: str, listing: ListRequest) -> list[Tab]:
    return [
        Tab(
            label=label,
            url=listing.url(view=None if name == _USUAL_VIEW else name),
            current=name == view,
        )
        for name, label in _VIEWS.items()
    ]


def _listing(services: Sequence[str]) -> ListRequest:
    return parse_list_request(
        url_for("operations.traces"),
        request.args,
        filters={
            "service": tuple(services),
            "at_least": tuple(_DURATIONS),
            "age": tuple(AGES),
            "correlation_id": None,
        },
    )


def _search(view: str, listing: ListRequest, console: Console) -> TraceSearch:
    filters = listing.filters
    return TraceSearch(
        text=listing.search,
        service=filters.get("service", ""),
        correlation_id=filters.get("correlation_id", ""),
        conversations_only=view == "messages",
        failed_only=view == "errors",
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
