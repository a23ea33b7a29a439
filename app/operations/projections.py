"""Projections: how far each has read, and pausing, resuming and rebuilding them."""

from collections.abc import Callable

from flask import Blueprint, Response, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.identity.access import operators
from app.identity.audited import Audited
from app.identity.auditing import Deed
from app.identity.sessions import current_actor
from app.messaging.projecting import Projections
from app.operations.console import Console
from app.operations.forms import NoteForm, ReasonForm
from app.operations.verdict import is_behind
from app.web.components import Meaning, Progress
from app.web.fragments import live_region
from ports.outbound.operations import ProjectionState
from ports.outbound.positions import ProjectionStatus

STATUS_TAGS: dict[ProjectionStatus, tuple[str, Meaning, str]] = {
    ProjectionStatus.RUNNING: ("running", "success", "circle-check"),
    ProjectionStatus.REBUILDING: ("rebuilding", "info", "refresh"),
    ProjectionStatus.PAUSED: ("paused", "neutral", "player-pause"),
    ProjectionStatus.FAILED: ("failing", "danger", "alert-circle"),
}
_ACTIONS: dict[str, tuple[Callable[[Projections, str], None], Audited, str]] = {
    "pause": (Projections.pause, Audited.PAUSE_PROJECTION, "is paused"),
    "resume": (Projections.resume, Audited.RESUME_PROJECTION, "goes on"),
    "rebuild": (Projections.rebuild, Audited.REBUILD_PROJECTION, "is being rebuilt"),
}


def add_projections(blueprint: Blueprint, *, console: Console) -> None:
    def found(context: str, name: str) -> ProjectionState:
        known = {(state.context, state.name): state for state in console.projections()}
        if (context, name) not in known:
            abort(404)
        return known[context, name]

    @blueprint.get("/projections")
    @operators
    def projections() -> str:
        return render_template("operations/projections.html", **_shown(console))

    @blueprint.get("/projections/list")
    @operators
    def projection_list() -> Response:
        shown = _shown(console)
        return live_region(
            (shown["states"], shown["behind"]),
            lambda: render_template("operations/projection_list.html", **shown),
        )

    @blueprint.get("/projections/<context>/<name>/<action>")
    @operators
    def confirm_projection(context: str, name: str, action: str) -> str:
        if action not in _ACTIONS:
            abort(404)
        return _question(found(context, name), action, _form(action, empty=True))

    @blueprint.post("/projections/<context>/<name>/<action>")
    @operators
    def change_projection(context: str, name: str, action: str) -> AnyResponse | tuple[str, int]:
        if action not in _ACTIONS:
            abort(404)
        state, form = found(context, name), _form(action)
        if not form.validate_on_submit():
            return _question(state, action, form), 422
        change, audited, outcome = _ACTIONS[action]
        runtime = console.runtimes[context]
        deed = Deed(
            actor=current_actor(),
            action=audited,
            object=f"projection/{name}",
            reason=form.text(),
        )
        console.auditing.in_context(
            runtime.transactions, deed, lambda: change(runtime.projections, name)
        )
        flash(f"{name} {outcome}.", "success")
        return redirect(url_for("operations.projections"), 303)


def _question(state: ProjectionState, action: str, form: NoteForm | ReasonForm) -> str:
    return render_template(
        "operations/confirm_projection.html", state=state, action=action, form=form
    )


def _form(action: str, *, empty: bool = False) -> NoteForm | ReasonForm:
    kind = ReasonForm if action == "rebuild" else NoteForm
    return kind(formdata=None) if empty else kind()


def _shown(console: Console) -> dict[str, object]:
    states = console.projections()
    return {
        "states": states,
        "tags": STATUS_TAGS,
        "behind": [
            (state.context, state.name) for state in states if is_behind(state, console.now())
        ],
        "rebuilds": {
            (state.context, state.name): _rebuild(console, state)
            for state in states
            if state.status is ProjectionStatus.REBUILDING
        },
    }


def _rebuild(console: Console, state: ProjectionState) -> Progress:
    """Read from the position itself, so that no reload, restart or kill loses it."""
    asked = console.audit_log.newest(
        limit=1, action=Audited.REBUILD_PROJECTION.value, object=f"projection/{state.name}"
    )
    return Progress(
        id=f"rebuild-{state.context}-{state.name}",
        label=f"Rebuilding {state.name}",
        done=min(state.position, state.rebuild_target),
        failed=0,
        total=state.rebuild_target,
        started_at=asked[0].at if asked else console.now(),
        started_by=asked[0].actor.name if asked else "somebody",
    )
