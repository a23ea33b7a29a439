"""The spans of a trace as the page draws them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.messaging.handing_over import DELAYED_MS, WAITED_MS
from app.web.charts import Span
from ports.outbound.telemetry import SpanKind
from ports.outbound.traces import SpanRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    took: timedelta
    place: str  # "table", "broker", or "table and broker" where nothing tells them apart
    asked_for: timedelta = timedelta(0)  # of that: a delay, or the pause before a retry


_NONE = Wait(took=timedelta(0), place="")


def waits(records: Sequence[SpanRecord]) -> Mapping[str, Wait]:
    """How long what a span handles lay somewhere before; by span id."""
    by_id = {record.span_id: record for record in records}
    found = {}
    for record in records:
        wait = _wait(record, by_id.get(record.parent_id))
        if wait is not None:
            found[record.span_id] = wait
    return found


def _wait(record: SpanRecord, above: SpanRecord | None) -> Wait | None:
    if WAITED_MS in record.attributes:
        return Wait(
            took=_milliseconds(record, WAITED_MS),
            place="table",
            asked_for=_milliseconds(record, DELAYED_MS),
        )
    if record.kind is not SpanKind.CONSUMER or above is None:
        return None
    # A receiver may be quicker than the confirmation.
    waited = max(timedelta(0), record.started_at - above.started_at - above.duration)
    if WAITED_MS in above.attributes:
        return Wait(took=waited, place="broker")
    if above.kind is SpanKind.PRODUCER and record.attributes.get("attempt") == 1:
        # One of a backlog, whose hand-over has no span.
        return Wait(took=waited, place="table and broker")
    return None


def _milliseconds(record: SpanRecord, attribute: str) -> timedelta:
    value = record.attributes.get(attribute, 0)
    return timedelta(milliseconds=value if isinstance(value, (int, float)) else 0)


def drawn(records: Sequence[SpanRecord]) -> list[Span]:
    waiting = waits(records)
    return [_drawn(record, waiting.get(record.span_id, _NONE)) for record in records]


def _drawn(record: SpanRecord, wait: Wait) -> Span:
    return Span(
        id=record.span_id,
        parent=record.parent_id or None,
        name=record.name,
        service=record.service,
        started_at=record.started_at,
        took=record.duration,
        error=record.exception or "failed" if record.failed else None,
        url=f"#span-{record.span_id}",
        waited=wait.took,
        waited_in=wait.place,
    )


def origins(records: Sequence[SpanRecord]) -> list[SpanRecord]:
    """Of the spans that an error passed through, those where it began."""
    failed = [record for record in records if record.failed]
    passed = {record.parent_id for record in failed}
    return [record for record in failed if record.span_id not in passed]


def correlation_id(records: Sequence[SpanRecord]) -> str:
    """Of the conversation; queries, which begin none, have ids of their own."""
    found = (
        str(record.attributes.get("message.correlation_id", ""))
        for record in records
        if record.attributes.get("message.kind") != "query"
    )
    return next((one for one in found if one), "")
