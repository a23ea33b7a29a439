import re

import pytest

from adapters.memory.telemetry import (
    CountedDelivery,
    CountedRelay,
    NoMetrics,
    NoTracer,
    RecordingMetrics,
    RecordingTracer,
    TimedHandling,
)
from ports.outbound.telemetry import SpanKind
from tests.suites.beside import elsewhere

TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01")
REMOTE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_tracer_that_records_nothing_says_so() -> None:
    tracer = NoTracer()

    with tracer.span("sorting", kind=SpanKind.CONSUMER, parent=REMOTE) as span:
        span.set("parcel", "p-1")
        span.fail(ValueError())

        assert not tracer.recording
        assert (span.trace, tracer.current_trace()) == ("", "")


def test_a_tracer_that_records_nothing_lets_exceptions_pass() -> None:
    with pytest.raises(ValueError, match="lost"), NoTracer().span("sorting"):
        raise ValueError("lost")


def test_a_finished_span_can_be_looked_at() -> None:
    tracer = RecordingTracer()

    with tracer.span("sorting", kind=SpanKind.CONSUMER, links=[REMOTE], attributes={"a": 1}) as one:
        one.set("b", "two")
        assert tracer.finished == []

    (span,) = tracer.finished
    assert (span.name, span.kind, span.links) == ("sorting", SpanKind.CONSUMER, (REMOTE,))
    assert span.attributes == {"a": 1, "b": "two"}
    assert span.error is None
    assert TRACEPARENT.fullmatch(span.trace)


def test_an_inner_span_is_a_child_of_the_outer_one_and_of_its_trace() -> None:
    tracer = RecordingTracer()

    with tracer.span("outer") as outer:
        assert tracer.current_trace() == outer.trace
        with tracer.span("inner") as inner:
            assert tracer.current_trace() == inner.trace
        assert tracer.current_trace() == outer.trace

    assert inner.parent == outer.trace
    assert outer.parent == ""
    assert inner.trace_id == outer.trace_id
    assert [span.name for span in tracer.finished] == ["inner", "outer"]
    assert tracer.current_trace() == ""


def test_a_span_can_go_on_with_a_trace_from_elsewhere() -> None:
    tracer = RecordingTracer()

    with tracer.span("outer"), tracer.span("received", parent=REMOTE) as received:
        pass

    assert received.parent == REMOTE
    assert received.trace_id == "0af7651916cd43dd8448eb211c80319c"


def test_spans_without_anything_in_common_belong_to_traces_of_their_own() -> None:
    tracer = RecordingTracer()

    with tracer.span("first") as first:
        pass
    with tracer.span("second", parent="") as second:
        pass

    assert first.trace_id != second.trace_id


def test_a_span_that_an_exception_passes_through_has_failed() -> None:
    tracer = RecordingTracer()
    error = ValueError("lost")

    with pytest.raises(ValueError, match="lost"), tracer.span("sorting"):
        raise error

    assert tracer.named("sorting")[0].error is error
    assert tracer.current_trace() == ""


def test_a_span_can_be_failed_by_hand() -> None:
    tracer = RecordingTracer()
    error = ValueError("lost")

    with tracer.span("sorting") as span:
        span.fail(error)

    assert tracer.finished[0].error is error


def test_another_thread_is_in_no_span() -> None:
    tracer = RecordingTracer()

    with tracer.span("sorting"):
        assert elsewhere(tracer.current_trace) == ""


def test_metrics_can_be_looked_at() -> None:
    metrics = RecordingMetrics()

    for one in (metrics, NoMetrics()):
        one.delivery(context="post", channel="parcels", endpoint="sort", outcome="done")
        one.handled(context="post", endpoint="sort", seconds=0.5)
        one.relayed(context="post", channel="parcels", outcome="confirmed", count=3)

    assert metrics.deliveries == [
        CountedDelivery(context="post", channel="parcels", endpoint="sort", outcome="done")
    ]
    assert metrics.handlings == [TimedHandling(context="post", endpoint="sort", seconds=0.5)]
    assert metrics.relays == [
        CountedRelay(context="post", channel="parcels", outcome="confirmed", count=3)
    ]
