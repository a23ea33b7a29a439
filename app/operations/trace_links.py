"""Addresses of traces."""

from flask import url_for


def trace_id_of(traceparent: str) -> str:
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""


def trace_url(traceparent: str) -> str:
    """Empty where nothing was recorded."""
    trace_id = trace_id_of(traceparent)
    return url_for("operations.trace", trace_id=trace_id) if trace_id else ""


def conversation_url(correlation_id: str) -> str:
    """Everything that bears the correlation id."""
    if not correlation_id:
        return ""
    return url_for("operations.traces", correlation_id=correlation_id)
