"""One span around each request, and how long it took.

Named by the route, never by the address: an address may hold a signed token.
"""

from collections.abc import Callable
from contextlib import ExitStack
from time import perf_counter
from typing import Any, Protocol

from flask import Flask, Response, g, request

from ports.outbound.telemetry import Span, SpanKind, Tracer

# Requests that come in by the second and tell nothing.
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
_NOT_TRACED = ("/static/", "/healthz/", "/metrics")


class RequestMetrics(Protocol):
    def request(self, *, method: str, route: str, status: int, seconds: float) -> None: ...


def set_up_request_spans(
    app: Flask, *, tracer: Tracer, metrics: RequestMetrics, polls: Callable[[], bool]
) -> None:
    """To be called before anything that looks at requests. ``polls`` tells whether the request is
    one of those that live pages send every few seconds, which would bury all others."""

    @app.before_request
    def begin() -> None:
        g.request_began = perf_counter()
        if not tracer.recording:
            return
        g.request_span_stack = stack = ExitStack()
        if request.path.startswith(_NOT_TRACED) or polls():
            # With everything that is done for it: a query alone would be a trace, too.
            stack.enter_context(tracer.muted())
            return
        g.request_span = stack.enter_context(
            tracer.span(
                f"HTTP {_method()} {_route()}",
                kind=SpanKind.SERVER,
                attributes={"http.request.method": _method(), "http.route": _route()},
            )
        )

    @app.after_request
    def note(response: Response) -> Response:
        span: Span | None = g.get("request_span")
        if span is not None:
            span.set("http.response.status_code", response.status_code)
        began = g.get("request_began")
        if began is not None:
            metrics.request(
                method=_method(),
                route=_route(),
                status=response.status_code,
                seconds=perf_counter() - began,
            )
        return response

    @app.teardown_request
    def end(error: BaseException | None = None) -> None:
        stack: Any = g.pop("request_span_stack", None)
        if stack is not None:
            span: Span | None = g.get("request_span")
            if error is not None and span is not None:
                span.fail(error)
            stack.close()


def fail_request_span(error: BaseException) -> None:
    """For an error that was answered and so will not pass through the span."""
    span: Span | None = g.get("request_span")
    if span is not None:
        span.fail(error)


def current_request_trace() -> str:
    """The ``traceparent`` of this request; empty where nothing records."""
    span: Span | None = g.get("request_span")
    return span.trace if span is not None else ""


def _method() -> str:
    """Anybody can make one up; each would be a name of its own in spans and metrics. What stands
    for them is OpenTelemetry's word."""
    return request.method if request.method in _METHODS else "_OTHER"


def _route() -> str:
    return request.url_rule.rule if request.url_rule is not None else "(no such address)"
