from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from adapters.telemetry.keeping import record_of
from adapters.telemetry.opentelemetry import OpenTelemetry, OpenTelemetryTracer, span_context
from ports.outbound.telemetry import SpanKind
from ports.outbound.traces import SpanRecord


class Recorded:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.telemetry = OpenTelemetry(lambda: [self.exporter])
        self.tracer: OpenTelemetryTracer = self.telemetry.tracer("backoffice")

    def spans(self) -> dict[str, SpanRecord]:
        self.telemetry.flush()
        records = [record_of(span) for span in self.exporter.get_finished_spans()]
        return {record.name: record for record in records}


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    found = Recorded()
    yield found
    found.telemetry.close()


def test_nested_spans_are_parent_and_child_of_one_trace(recorded: Recorded) -> None:
    with recorded.tracer.span("outer", kind=SpanKind.SERVER), recorded.tracer.span("inner"):
        pass

    spans = recorded.spans()

    assert spans["inner"].parent_id == spans["outer"].span_id
    assert spans["inner"].trace_id == spans["outer"].trace_id
    assert spans["outer"].parent_id == ""
    assert spans["outer"].kind is SpanKind.SERVER
    assert spans["outer"].service == "backoffice"


def test_a_trace_goes_on_in_another_process_by_its_traceparent(recorded: Recorded) -> None:
    with recorded.tracer.span("sending") as sending:
        carried = sending.trace

    with recorded.tracer.span("receiving", parent=carried):
        pass

    spans = recorded.spans()
    assert spans["receiving"].parent_id == spans["sending"].span_id
    assert spans["receiving"].trace_id == spans["sending"].trace_id


def test_a_span_that_an_error_passes_through_keeps_it_with_its_stack_trace(
    recorded: Recorded,
) -> None:
    with pytest.raises(ValueError, match="no paper"), recorded.tracer.span("printing"):
        raise ValueError("no paper")

    printing = recorded.spans()["printing"]

    assert printing.failed
    assert printing.exception == "ValueError: no paper"
    assert "test_opentelemetry.py" in printing.stack_trace


def test_a_link_points_to_another_trace(recorded: Recorded) -> None:
    with recorded.tracer.span("request") as request:
        link = request.trace

    with recorded.tracer.span("replayed", links=[link]):
        pass

    replayed = recorded.spans()["replayed"]
    assert replayed.links == (link,)
    assert replayed.trace_id != recorded.spans()["request"].trace_id


@pytest.mark.parametrize(
    "broken",
    ["", "00-abc", "zz", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "00-" + "g" * 32 + "-1-01"],
)
def test_a_broken_traceparent_starts_a_new_trace(recorded: Recorded, broken: str) -> None:
    with recorded.tracer.span("receiving", parent=broken):
        pass

    assert span_context(broken) is None
    assert recorded.spans()["receiving"].parent_id == ""


def test_outside_of_any_span_there_is_no_trace(recorded: Recorded) -> None:
    assert recorded.tracer.current_trace() == ""


def test_nothing_is_recorded_of_what_is_muted(recorded: Recorded) -> None:
    with recorded.tracer.span("before"):
        pass
    other = recorded.telemetry.tracer("customer_service")

    with recorded.tracer.muted(), other.span("query") as query:
        assert other.current_trace() == query.trace == ""
        with other.span("inner", kind=SpanKind.SERVER):
            pass
    with recorded.tracer.span("after"):
        pass

    assert set(recorded.spans()) == {"before", "after"}


def test_an_error_is_kept_without_the_values_in_it(recorded: Recorded) -> None:
    told = (
        "nobody at maria@example.com; see http://x/issues/MDFhMjAw\n"
        "DETAIL:  Key (email)=(maria) already exists.\n"
        "[parameters: {'password': 'hush'}]"
    )
    with pytest.raises(ValueError, match="nobody"), recorded.tracer.span("mailing"):
        raise ValueError(told)

    mailing = recorded.spans()["mailing"]

    assert mailing.exception.startswith("ValueError: nobody at ***; see http://x/issues/***")
    for secret in ("maria@", "MDFhMjAw", "(maria)", "hush"):
        assert secret not in mailing.exception
