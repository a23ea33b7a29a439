from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.monitoring_tables import trace
from adapters.sql.traces import CORRELATION_ID, MESSAGE_ID, MESSAGE_KIND, SqlTraces
from ports.outbound.telemetry import NO_ATTRIBUTES, SpanKind, SpanValue
from ports.outbound.traces import SpanRecord, TraceSearch
from tests.suites.builders import SENT_AT


def a_span(
    number: int,
    *,
    trace: int = 1,
    name: str = "Command Handler: Parcel.send",
    service: str = "post",
    after_ms: int = 0,
    took_ms: int = 10,
    failed: bool = False,
    attributes: Mapping[str, SpanValue] = NO_ATTRIBUTES,
) -> SpanRecord:
    return SpanRecord(
        trace_id=f"{trace:032x}",
        span_id=f"{number:016x}",
        parent_id="" if number == 1 else f"{1:016x}",
        name=name,
        kind=SpanKind.INTERNAL,
        service=service,
        started_at=SENT_AT + timedelta(minutes=trace, milliseconds=after_ms),
        duration=timedelta(milliseconds=took_ms),
        failed=failed,
        exception="post.Lost: gone" if failed else "",
        stack_trace="Traceback" if failed else "",
        attributes=attributes,
        links=("00-" + "a" * 32 + "-" + "b" * 16 + "-01",),
    )


@pytest.fixture
def traces(monitoring_database: DeploymentDatabase) -> SqlTraces:
    return SqlTraces(monitoring_database)


def ids(traces: SqlTraces, search: TraceSearch) -> list[int]:
    return [int(found.trace_id, 16) for found in traces.search(search, limit=10)]


def test_spans_are_read_as_they_were_saved_earliest_first(traces: SqlTraces) -> None:
    late, early = a_span(2, after_ms=5, failed=True), a_span(1)

    traces.save([late, early])

    assert traces.spans(early.trace_id) == [early, late]
    assert traces.spans("f" * 32) == []


def test_a_span_that_comes_twice_counts_once(traces: SqlTraces) -> None:
    traces.save([a_span(1, failed=True)])

    traces.save([a_span(1, failed=True), a_span(2)])

    [summary] = traces.search(TraceSearch(), limit=10)
    assert (summary.spans, summary.failed_spans) == (2, 1)


def test_the_summary_joins_what_several_processes_saved(traces: SqlTraces) -> None:
    handler = a_span(2, service="customs", after_ms=50, took_ms=100, failed=True)
    request = a_span(1, name="HTTP POST /parcels", service="web", took_ms=20)

    traces.save([handler])
    traces.save([request])

    [summary] = traces.search(TraceSearch(), limit=10)
    assert summary.name == "HTTP POST /parcels"
    assert summary.service == "web"
    assert summary.services == ("customs", "web")
    assert summary.duration == timedelta(milliseconds=150)
    assert summary.started_at == request.started_at


def test_the_latest_trace_comes_first_and_pages_do_not_overlap(traces: SqlTraces) -> None:
    for number in range(1, 6):
        traces.save([a_span(1, trace=number)])

    pages = [traces.search(TraceSearch(), limit=2, offset=offset) for offset in (0, 2, 4)]

    assert [[int(one.trace_id, 16) for one in page] for page in pages] == [[5, 4], [3, 2], [1]]


def test_conditions_narrow(traces: SqlTraces) -> None:
    traces.save([a_span(1, trace=1, service="web"), a_span(2, trace=1, failed=True)])
    traces.save([a_span(1, trace=2, took_ms=900)])
    traces.save([a_span(1, trace=3, name="Event Handler: Mailroom.mail")])

    assert ids(traces, TraceSearch(service="web")) == [1]
    assert ids(traces, TraceSearch(service="we")) == []
    assert ids(traces, TraceSearch(failed_only=True)) == [1]
    assert ids(traces, TraceSearch(at_least=timedelta(milliseconds=500))) == [2]
    assert ids(traces, TraceSearch(text="mailroom")) == [3]
    assert ids(traces, TraceSearch(since=SENT_AT + timedelta(minutes=2))) == [3, 2]


def test_a_message_or_its_conversation_leads_to_the_trace(traces: SqlTraces) -> None:
    attributes = {MESSAGE_ID: "message-1", CORRELATION_ID: "talk-1"}
    traces.save([a_span(1, trace=1, attributes=attributes)])
    traces.save([replace(a_span(1, trace=2), attributes={CORRELATION_ID: "talk-1"})])
    traces.save([a_span(1, trace=3)])

    assert ids(traces, TraceSearch(text="message-1")) == [1]
    assert ids(traces, TraceSearch(text="talk-1")) == [2, 1]
    assert ids(traces, TraceSearch(correlation_id="talk-1")) == [2, 1]
    assert ids(traces, TraceSearch(text=f"{3:032x}")) == [3]


def test_services_are_named_once(traces: SqlTraces) -> None:
    traces.save([a_span(1, service="web"), a_span(2, service="post")])
    traces.save([a_span(1, trace=2, service="web")])

    assert traces.services() == ["post", "web"]


def test_old_traces_go_with_their_spans_in_bites(traces: SqlTraces) -> None:
    for number in range(1, 5):
        traces.save([a_span(1, trace=number), a_span(2, trace=number)])

    gone = traces.purge(before=SENT_AT + timedelta(minutes=4), limit=2)

    assert gone == 4
    assert ids(traces, TraceSearch()) == [4, 3]
    assert traces.spans(f"{1:032x}") == []


def test_conversations_are_told_from_what_only_looked(traces: SqlTraces) -> None:
    looking = {"http.request.method": "GET"}
    query = {MESSAGE_ID: "q-1", CORRELATION_ID: "q-1", MESSAGE_KIND: "query"}
    traces.save([a_span(1, trace=1, attributes=looking), a_span(2, trace=1, attributes=query)])
    traces.save([a_span(1, trace=2, attributes={"http.request.method": "POST"})])
    traces.save([a_span(1, trace=3, attributes={MESSAGE_KIND: "command"})])
    traces.save([replace(a_span(1, trace=4), kind=SpanKind.CONSUMER)])
    traces.save([a_span(1, trace=5)])

    assert ids(traces, TraceSearch(conversations_only=True)) == [4, 3, 2]
    assert ids(traces, TraceSearch()) == [5, 4, 3, 2, 1]


def test_a_trace_that_looked_first_becomes_a_conversation_when_it_sends(traces: SqlTraces) -> None:
    traces.save([a_span(1, attributes={"http.request.method": "GET"})])

    traces.save([replace(a_span(2), kind=SpanKind.PRODUCER)])

    assert ids(traces, TraceSearch(conversations_only=True)) == [1]


def test_linked_traces_lead_to_each_other(traces: SqlTraces) -> None:
    link = f"00-{2:032x}-{1:016x}-01"
    traces.save([replace(a_span(1, trace=1), links=(link,))])
    traces.save([replace(a_span(1, trace=2), links=())])
    traces.save([replace(a_span(1, trace=3), links=("broken",))])

    leads = {
        number: [int(one.trace_id, 16) for one in traces.linked(f"{number:032x}")]
        for number in (1, 2, 3)
    }

    assert leads == {1: [2], 2: [1], 3: []}


@pytest.mark.parametrize(
    "search",
    [TraceSearch(), TraceSearch(conversations_only=True), TraceSearch(failed_only=True)],
    ids=["all", "conversations", "errors"],
)
def test_the_latest_are_read_from_an_index_in_its_order(
    traces: SqlTraces, monitoring_database: DeploymentDatabase, search: TraceSearch
) -> None:
    with monitoring_database.writing() as connection:
        connection.execute(sa.insert(trace), [a_trace_row(number) for number in range(3_000)])
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE monitoring_trace")
    asked: list[tuple[str, object]] = []

    def note(_c: object, _cursor: object, text: str, values: object, *_: object) -> None:
        asked.append((text, values))

    with monitoring_database.single() as connection:
        engine = connection.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    found = traces.search(search, limit=26)
    sa.event.remove(engine, "before_cursor_execute", note)

    assert len(found) == 26
    with monitoring_database.single() as connection:
        explain = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        plan = str(connection.exec_driver_sql(f"{explain} {asked[-1][0]}", asked[-1][1]).all())
    assert "monitoring_trace_" in plan
    assert not any(
        word in plan for word in ("Seq Scan", "Sort", "SCAN monitoring_trace'", "B-TREE")
    )


def a_trace_row(number: int) -> dict[str, object]:
    began = SENT_AT + timedelta(seconds=number)
    return {
        "trace_id": f"{number:032x}",
        "name": "HTTP GET /",
        "service": "web",
        "started_at": began,
        "ended_at": began,
        "duration_us": 1,
        "spans": 1,
        "failed_spans": int(number % 50 == 0),
        "correlation_id": "",
        "services": "|web|",
        "names": "http get /",
        "conversation": number % 10 == 0,
    }
