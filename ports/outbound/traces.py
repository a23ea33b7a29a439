"""Spans that are kept for a bounded time, to be looked at in the console."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from ports.outbound.telemetry import NO_ATTRIBUTES, SpanKind, SpanValue


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRecord:
    """A finished span. Ids are lower-case hexadecimal, 32 and 16 digits."""

    trace_id: str
    span_id: str
    parent_id: str = ""  # empty: the root
    name: str
    kind: SpanKind
    service: str
    started_at: datetime
    duration: timedelta
    failed: bool = False
    exception: str = ""  # class and message
    stack_trace: str = ""
    attributes: Mapping[str, SpanValue] = field(default_factory=lambda: NO_ATTRIBUTES)
    links: tuple[str, ...] = ()  # traceparents


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummary:
    trace_id: str
    name: str  # of the earliest span
    service: str  # of the earliest span
    started_at: datetime
    duration: timedelta  # from the start of the earliest to the end of the latest span so far
    spans: int
    failed_spans: int
    correlation_id: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSearch:
    """Conditions that are left out do not narrow. ``text`` is an id of a trace, a message or a
    correlation; where there is none like it, it is looked for in the names of spans."""

    text: str = ""
    service: str = ""
    correlation_id: str = ""
    conversations_only: bool = False  # not what only looked: requests that read, queries
    failed_only: bool = False
    at_least: timedelta | None = None
    since: datetime | None = None


class Traces(Protocol):
    """Best effort: what cannot be kept is lost, and the work it describes goes on."""

    def save(self, spans: Sequence[SpanRecord]) -> None:
        """One short transaction. The same span twice is kept once."""

    def spans(self, trace_id: str, *, limit: int = 2_000) -> Sequence[SpanRecord]:
        """Earliest first; empty when the trace is unknown or was purged."""

    def search(self, search: TraceSearch, *, limit: int, offset: int = 0) -> Sequence[TraceSummary]:
        """Latest first."""

    def linked(self, trace_id: str, *, limit: int = 50) -> Sequence[TraceSummary]:
        """Traces that a span of this one is linked to, and those with a span that is linked to this
        one; latest first."""

    def services(self) -> Sequence[str]:
        """Those of the latest traces by name, at most 100."""

    def purge(self, *, before: datetime, limit: int) -> int:
        """Remove traces that began before; how many spans went."""
