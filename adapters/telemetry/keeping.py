"""An exporter that keeps spans where the console finds them."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from adapters.telemetry.opentelemetry import traceparent
from ports.errors import ConcurrencyConflict, StoreUnavailable
from ports.outbound.telemetry import SpanKind
from ports.outbound.traces import SpanRecord, Traces

logger = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class KeepingExporter(SpanExporter):
    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            self._traces.save([record_of(span) for span in spans])
        except (StoreUnavailable, ConcurrencyConflict) as error:
            logger.warning(
                "spans could not be kept", extra={"spans": len(spans), "why": str(error)}
            )
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """The store is closed by whoever opened it."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def record_of(span: ReadableSpan) -> SpanRecord:
    context = span.get_span_context()
    assert context is not None
    started, ended = span.start_time or 0, span.end_time or 0
    exception, stack_trace = _exception(span)
    service = (span.resource.attributes or {}).get("service.name", "")
    attributes = {
        name: value
        for name, value in (span.attributes or {}).items()
        if isinstance(value, (str, int, float, bool))
    }
    return SpanRecord(
        trace_id=f"{context.trace_id:032x}",
        span_id=f"{context.span_id:016x}",
        parent_id=f"{span.parent.span_id:016x}" if span.parent else "",
        name=span.name,
        kind=SpanKind(span.kind.name.lower()),
        service=str(service),
        started_at=_EPOCH + timedelta(microseconds=started // 1000),
        duration=timedelta(microseconds=(ended - started) // 1000),
        failed=span.status.status_code is StatusCode.ERROR,
        exception=exception or (span.status.description or ""),
        stack_trace=stack_trace,
        attributes=attributes,
        links=tuple(traceparent(link.context) for link in span.links),
    )


def _exception(span: ReadableSpan) -> tuple[str, str]:
    for event in span.events:
        if event.name == "exception":
            found = event.attributes or {}
            kind, message = found.get("exception.type", ""), found.get("exception.message", "")
            return f"{kind}: {message}", str(found.get("exception.stacktrace", ""))
    return "", ""
