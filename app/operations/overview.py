"""The first page of the console: the verdict, then the reasons, then the figures."""

from flask import Blueprint, Response, current_app, render_template, url_for

from app.identity.access import operators
from app.identity.audited import told
from app.operations.channels import channel_states
from app.operations.console import Console
from app.operations.consumers import consumers_of
from app.operations.verdict import State, problems_of
from app.web.components import HistoryEntry
from app.web.fragments import live_region
from ports.outbound.audit import OUTCOME, AuditEntry, Outcome
from ports.outbound.operations import FailedMessageSearch

_ENTRIES = 8
_UNFINISHED = {
    Outcome.BEGUN.value: " (begun; whether it was done is not known)",
    Outcome.NOT_DONE.value: " (but it was refused)",
}


def add_overview(blueprint: Blueprint, *, console: Console) -> None:
    @blueprint.get("/")
    @operators
    def overview() -> str:
        return render_template(
            "operations/overview.html",
            flower=console.flower,
            **_drawn(console),
        )

    @blueprint.get("/figures")
    @operators
    def figures() -> Response:
        drawn = _drawn(console)
        state = drawn["state"]
        return live_region(
            (drawn["problems"], state, console.now().replace(second=0, microsecond=0)),
            lambda: render_template("operations/figures.html", **drawn),
        )


def _drawn(console: Console) -> dict[str, object]:
    state = _state(console)
    return {
        "state": state,
        "problems": problems_of(state),
        "last_failure": console.last_failure(),
        "entries": [_entry(entry) for entry in console.audit_log.newest(limit=_ENTRIES)],
    }


def _state(console: Console) -> State:
    groups = console.failed_groups(FailedMessageSearch(), (), limit=1)
    now = console.now()
    return State(
        now=now,
        failed=console.count_failed(FailedMessageSearch()),
        largest_group=groups[0] if groups else None,
        channels=channel_states(console),
        removed_channels=console.removed_channels(),
        projections=console.projections(),
        consumers=consumers_of(console.heartbeats.all(), now),
        broker_lost_at=console.broker_lost_at(),
    )


def _entry(entry: AuditEntry) -> HistoryEntry:
    words = told(entry.action)
    return HistoryEntry(
        id=f"entry-{entry.id}",
        at=entry.at,
        who=entry.actor.name,
        what=words.sentence + _UNFINISHED.get(entry.details.get(OUTCOME, ""), ""),
        icon=words.icon,
        text=entry.reason,
        url=_place_of(entry),
    )


def _place_of(entry: AuditEntry) -> str | None:
    kind, _, own_id = entry.object.partition("/")
    match kind:
        case "failed_message" if own_id:
            return url_for("operations.failed_message", failed_message_id=own_id)
        case "failed_messages":
            return url_for("operations.failed_messages")
        case "channel":
            return url_for("operations.channels")
        case "projection":
            return url_for("operations.projections")
        case "employee" if own_id and "backoffice.employee" in current_app.view_functions:
            return url_for("backoffice.employee", employee_id=own_id)
        case _:
            return None
