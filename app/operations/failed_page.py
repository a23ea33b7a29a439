"""One failed message: why, what it was, what was tried, and what can be done."""

from collections.abc import Sequence

from flask import Blueprint, Response, abort, render_template, url_for

from app.identity.access import operators
from app.operations.console import Console
from app.operations.trace_links import conversation_url, trace_url
from app.web.components import Fact, HistoryEntry, Meaning
from app.web.fragments import live_region
from ports.outbound.failed_messages import Attempt, FailedMessage
from ports.outbound.operations import FailedMessageHistory

# How an attempt is told: words, icon, meaning.
_OUTCOMES: dict[str, tuple[str, str, Meaning]] = {
    "retried": ("failed, to be tried again", "rotate-clockwise", "warning"),
    "failed": ("failed for good", "alert-circle", "danger"),
    "replayed": ("replayed it", "repeat", "primary"),
    "done": ("was handled", "circle-check", "success"),
    "deleted": ("deleted it", "trash", "neutral"),
    "restored": ("restored it", "restore", "info"),
}


def add_failed_page(blueprint: Blueprint, *, console: Console) -> None:
    def found(failed_message_id: str) -> tuple[str, FailedMessageHistory]:
        known = console.history(failed_message_id)
        if known is None:
            abort(404)
        return known

    @blueprint.get("/failed-messages/<failed_message_id>")
    @operators
    def failed_message(failed_message_id: str) -> str:
        context, history = found(failed_message_id)
        shared = {
            "context": context,
            "failed_message_id": failed_message_id,
            "entries": entries_of(history.attempts),
            "state": state_of(history),
            "trace": trace_url(_last_trace(history)),
            "demo_fault": console.demo_fault,
        }
        failed = history.failed
        if failed is None:
            return render_template("operations/replayed_message.html", **shared)
        deleted = failed.deleted_at is not None
        at = failed.deleted_at or failed.failure.failed_at
        newer, older = console.neighbours((at, failed.id), deleted=deleted)
        return render_template(
            "operations/failed_message.html",
            failed=failed,
            facts=facts_of(context, failed),
            headers=headers_of(failed),
            newer=newer,
            older=older,
            conversation=conversation_url(
                failed.delivery.envelope.metadata.correlation_id if failed.delivery else ""
            ),
            **shared,
        )

    @blueprint.get("/failed-messages/<failed_message_id>/history")
    @operators
    def failed_message_history(failed_message_id: str) -> Response:
        _, history = found(failed_message_id)
        return live_region(
            (len(history.attempts), state_of(history)),
            lambda: render_template(
                "operations/attempts.html",
                entries=entries_of(history.attempts),
                state=state_of(history),
            ),
        )


def state_of(history: FailedMessageHistory) -> str:
    if history.failed is not None:
        return "deleted" if history.failed.deleted_at else "failed"
    return "done" if history.attempts[-1].outcome == "done" else "under way"


def entries_of(attempts: Sequence[Attempt]) -> list[HistoryEntry]:
    """Newest first."""
    found = []
    for number, attempt in enumerate(attempts):
        words, icon, meaning = _OUTCOMES.get(
            attempt.outcome, (attempt.outcome, "circle-dot", "neutral")
        )
        found.append(
            HistoryEntry(
                id=f"attempt-{number}",
                at=attempt.at,
                who=attempt.actor or f"Attempt {attempt.attempt}",
                what=words,
                icon=icon,
                meaning=meaning,
                text=attempt.reason,
                url=trace_url(attempt.trace) or None,
            )
        )
    return found[::-1]


def facts_of(context: str, failed: FailedMessage) -> list[Fact]:
    delivery = failed.delivery
    facts = [
        Fact(label="Failed", value=failed.failure.failed_at, kind="time"),
        Fact(label="Context", value=context),
        Fact(
            label="Channel",
            value=failed.channel,
            url=url_for("operations.channels"),
        ),
        Fact(label="Endpoint", value=failed.endpoint),
    ]
    if delivery is not None:
        metadata = delivery.envelope.metadata
        facts += [
            Fact(label="Message", value=delivery.envelope.name),
            Fact(label="Attempt", value=delivery.attempt, kind="number"),
            Fact(label="Sent", value=metadata.timestamp, kind="time"),
            Fact(label="Sent by", value=metadata.source),
        ]
    if failed.deleted_at is not None:
        facts.append(Fact(label="Deleted", value=failed.deleted_at, kind="time"))
    return facts


def headers_of(failed: FailedMessage) -> list[tuple[str, str]]:
    """What belongs to the message itself first, then the user's own headers."""
    if failed.delivery is None:
        return []
    envelope = failed.delivery.envelope
    metadata = envelope.metadata
    own = [
        ("message id", metadata.id),
        ("correlation id", metadata.correlation_id),
        ("parent id", metadata.parent_id or ""),
        ("revision", str(envelope.revision)),
        ("content type", envelope.content_type),
        ("tenant", metadata.tenant),
        ("trace", metadata.trace),
        ("key", failed.delivery.key),
        ("priority", str(failed.delivery.priority)),
    ]
    users = [(name, str(value)) for name, value in sorted(metadata.headers.items())]
    return [(name, value) for name, value in own if value] + users


def _last_trace(history: FailedMessageHistory) -> str:
    if history.failed is not None and history.failed.failure.trace:
        return history.failed.failure.trace
    return next((one.trace for one in reversed(history.attempts) if one.trace), "")
