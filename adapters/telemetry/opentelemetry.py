"""The tracer port on the OpenTelemetry SDK.

Providers, processors and exporters are made on the first span of a process: their threads do not
survive a fork. Spans of one process share the exporters; each service has a provider of its own, so
that a viewer can tell services apart.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import Token
from traceback import format_exception
from types import TracebackType
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags

from adapters.telemetry.scrubbing import without_values
from ports.outbound.telemetry import NO_ATTRIBUTES, SpanKind, SpanValue

_KINDS = {
    SpanKind.INTERNAL: otel.SpanKind.INTERNAL,
    SpanKind.SERVER: otel.SpanKind.SERVER,
    SpanKind.CLIENT: otel.SpanKind.CLIENT,
    SpanKind.PRODUCER: otel.SpanKind.PRODUCER,
    SpanKind.CONSUMER: otel.SpanKind.CONSUMER,
}

EXPORT_INTERVAL_MS = 500

# Trace and span id of work that is not recorded; nobody ever sees it.
_NOBODY = 1


class OpenTelemetry:
    """All tracing of one deployment. ``exporters`` makes fresh exporters; it is called once in each
    process, when its first span begins."""

    def __init__(self, exporters: Callable[[], Sequence[SpanExporter]]) -> None:
        self._exporters = exporters
        self._lock = threading.Lock()
        self._pid = 0
        self._processors: list[SpanProcessor] = []
        self._tracers: dict[str, otel.Tracer] = {}

    def tracer(self, service: str) -> "OpenTelemetryTracer":
        return OpenTelemetryTracer(service, self)

    def tracer_of(self, service: str) -> otel.Tracer:
        if self._pid == os.getpid():
            tracer = self._tracers.get(service)
            if tracer is not None:
                return tracer
        with self._lock:
            if self._pid != os.getpid():
                self._tracers = {}
                self._processors = [
                    BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_INTERVAL_MS)
                    for exporter in self._exporters()
                ]
                self._pid = os.getpid()
            return self._tracers.setdefault(service, self._new_tracer(service))

    def _new_tracer(self, service: str) -> otel.Tracer:
        provider = TracerProvider(
            resource=Resource.create({"service.name": service}),
            sampler=ParentBased(_NoLonelyCalls()),
            shutdown_on_exit=False,
        )
        for processor in self._processors:
            provider.add_span_processor(processor)
        return provider.get_tracer("thicket")

    def flush(self, timeout_seconds: float = 5.0) -> None:
        """Hand what this process recorded to the exporters; gives up after the timeout."""
        if self._pid == os.getpid():
            for processor in self._processors:
                processor.force_flush(int(timeout_seconds * 1000))

    def close(self) -> None:
        """Flush and end the exporters' threads."""
        if self._pid == os.getpid():
            for processor in self._processors:
                processor.shutdown()
            self._pid = 0


class _NoLonelyCalls(Sampler):
    """A call to a server outside of any work is somebody looking whether there is work: several a
    second, in which every other trace would drown."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: otel.SpanKind | None = None,
        attributes: Any = None,
        links: Any = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        lonely = kind is otel.SpanKind.CLIENT
        decision = Decision.DROP if lonely else Decision.RECORD_AND_SAMPLE
        return SamplingResult(decision, attributes)

    def get_description(self) -> str:
        return "all but lonely calls"


class OpenTelemetryTracer:
    """See :class:`ports.outbound.telemetry.Tracer`."""

    recording = True

    def __init__(self, service: str, telemetry: OpenTelemetry) -> None:
        self._service = service
        self._telemetry = telemetry

    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: str | None = None,
        links: Sequence[str] = (),
        attributes: Mapping[str, SpanValue] = NO_ATTRIBUTES,
    ) -> AbstractContextManager["OpenSpan"]:
        return OpenSpan(
            self._telemetry.tracer_of(self._service), name, kind, parent, links, attributes
        )

    def muted(self) -> AbstractContextManager[None]:
        return _muted()

    def current_trace(self) -> str:
        return traceparent(otel.get_current_span().get_span_context())


@contextmanager
def _muted() -> Iterator[None]:
    """Below a span that was not sampled nothing is."""
    nobody = SpanContext(_NOBODY, _NOBODY, is_remote=False, trace_flags=TraceFlags.get_default())
    token = otel_context.attach(otel.set_span_in_context(NonRecordingSpan(nobody)))
    try:
        yield
    finally:
        otel_context.detach(token)


class OpenSpan(AbstractContextManager["OpenSpan"]):
    __slots__ = ("_attributes", "_kind", "_links", "_name", "_parent", "_span", "_token", "_tracer")

    def __init__(
        self,
        tracer: otel.Tracer,
        name: str,
        kind: SpanKind,
        parent: str | None,
        links: Sequence[str],
        attributes: Mapping[str, SpanValue],
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._kind = kind
        self._parent = parent
        self._links = links
        self._attributes = attributes
        self._span: otel.Span
        self._token: Token[Context]

    @property
    def trace(self) -> str:
        return traceparent(self._span.get_span_context())

    def set(self, name: str, value: SpanValue) -> None:
        self._span.set_attribute(name, value)

    def fail(self, error: BaseException) -> None:
        kind, message = type(error), without_values(str(error))
        self._span.add_event(
            "exception",
            {
                "exception.type": _name(kind),
                "exception.message": message,
                "exception.stacktrace": without_values("".join(format_exception(error))),
            },
        )
        self._span.set_status(Status(StatusCode.ERROR, f"{kind.__name__}: {message}"))

    def __enter__(self) -> "OpenSpan":
        linked = [Link(found) for link in self._links if (found := span_context(link))]
        self._span = self._tracer.start_span(
            self._name,
            context=_parent_context(self._parent),
            kind=_KINDS[self._kind],
            attributes=self._attributes,
            links=linked,
        )
        self._token = otel_context.attach(otel.set_span_in_context(self._span))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        otel_context.detach(self._token)
        if error is not None:
            self.fail(error)
        self._span.end()


def _name(kind: type[BaseException]) -> str:
    plain = kind.__module__ == "builtins"
    return kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def traceparent(context: SpanContext) -> str:
    """W3C trace context, version 00; empty for what is not recorded: whoever goes on with it begins
    a trace that is."""
    if not (context.is_valid and context.trace_flags.sampled):
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def span_context(parent: str) -> SpanContext | None:
    """None for what is no ``traceparent``: a broken header only starts a new trace."""
    parts = parent.split("-")
    if len(parts) != 4 or [len(part) for part in parts] != [2, 32, 16, 2]:
        return None
    try:
        found = SpanContext(
            trace_id=int(parts[1], 16),
            span_id=int(parts[2], 16),
            is_remote=True,
            trace_flags=TraceFlags(int(parts[3], 16)),
        )
    except ValueError:
        return None
    return found if found.is_valid else None


def _parent_context(parent: str | None) -> Context | None:
    if parent is None:
        return None
    found = span_context(parent)
    return otel.set_span_in_context(NonRecordingSpan(found)) if found else Context()
