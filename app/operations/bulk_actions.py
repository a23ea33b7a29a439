"""What an operator does to many failed messages: to the ticked rows at once, to everything that
matches as a job in the background."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from app.identity.access import operators
from app.identity.audited import Audited
from app.identity.auditing import Deed
from app.identity.sessions import current_actor
from app.messaging.bulk import Action, Order
from app.messaging.failing import CannotReplay, FailedMessageDesk
from app.operations.console import Console
from app.operations.failed_search import Wanted, wanted
from app.operations.forms import NoteForm, ReasonForm
from app.web.formatting import plural
from app.web.request_spans import current_request_trace
from ports.errors import NoSuchFailedMessage
from ports.outbound.audit import Actor
from ports.outbound.operations import Job

MOST_TICKED = 200
_LONGEST_QUERY = 2_000  # characters
_JOB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DOING = {Action.REPLAY: "Replaying", Action.DELETE: "Deleting", Action.RESTORE: "Restoring"}
_ONE = {
    Action.REPLAY: Audited.REPLAY,
    Action.DELETE: Audited.DELETE,
    Action.RESTORE: Audited.RESTORE,
}
_MATCHING = {
    Action.REPLAY: Audited.REPLAY_MATCHING,
    Action.DELETE: Audited.DELETE_MATCHING,
    Action.RESTORE: Audited.RESTORE_MATCHING,
}
_DONE = {Action.REPLAY: "replayed", Action.DELETE: "deleted", Action.RESTORE: "restored"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Ticked rows, or everything that the conditions match: asked for in so many words, because no
    rows at all is a slip of whoever sent the form."""

    ids: Sequence[str]
    everything: bool
    asked: Wanted
    count: int

    @property
    def fields(self) -> list[tuple[str, str]]:
        chosen = [("everything", "1")] if self.everything else [("ids", one) for one in self.ids]
        return [*chosen, ("query", self.asked.query)]


def add_bulk_actions(blueprint: Blueprint, *, console: Console) -> None:
    @blueprint.route("/failed-messages/confirm/<action>", methods=["GET", "POST"])
    @operators
    def confirm_bulk(action: str) -> str | AnyResponse:
        """Asking changes nothing; it is a POST where ticked rows are too many for an address."""
        chosen = _action(action)
        selection = _selection(console)
        if not selection.count:
            return _nothing_chosen(selection)
        return _page(chosen, selection, _form(chosen, empty=True))

    @blueprint.post("/failed-messages/bulk/<action>")
    @operators
    def bulk(action: str) -> AnyResponse | tuple[str, int]:
        chosen = _action(action)
        selection = _selection(console)
        if not selection.ids and not selection.everything:
            return _nothing_chosen(selection)
        form = _form(chosen)
        if not form.validate_on_submit():
            return _page(chosen, selection, form), 422
        if selection.everything:
            _order(console, chosen, selection, form.text())
        else:
            done = _act_on_ticked(console, chosen, selection.ids, form.text())
            left = len(selection.ids) - done
            flash(
                f"{plural(done, 'message')} {_DONE[chosen]}."
                + (f" {left} could not be, or were dealt with before." if left else ""),
                "success" if done else "warning",
            )
        back = url_for("operations.failed_messages", view=selection.asked.view)
        return redirect(back, 303)

    def _page(action: Action, selection: Selection, form: NoteForm | ReasonForm) -> str:
        return render_template(
            "operations/confirm_bulk.html",
            action=action.value,
            selection=selection,
            form=form,
            job_id=console.identifiers.new(),
        )


def _action(name: str) -> Action:
    if name not in set(Action):
        abort(404)
    return Action(name)


def _nothing_chosen(selection: Selection) -> AnyResponse:
    flash("Nothing was chosen. Tick some rows first.", "warning")
    return redirect(selection.asked.listing.url(), 303)


def _form(action: Action, *, empty: bool = False) -> NoteForm | ReasonForm:
    kind = ReasonForm if action is Action.DELETE else NoteForm
    # The question may itself be asked by POST, and nothing was filled in then.
    return kind(formdata=None) if empty else kind()


def _selection(console: Console) -> Selection:
    query = request.values.get("query", "")
    if len(query) > _LONGEST_QUERY:
        abort(400)  # cut short it would lose conditions, and match more
    arguments: MultiDict[str, str] = MultiDict(parse_qsl(query))
    asked = wanted(console, arguments)
    if request.values.get("everything"):
        count = console.count_failed(asked.search, asked.contexts)
        return Selection(ids=(), everything=True, asked=asked, count=count)
    ticked = request.values.getlist("ids")[:MOST_TICKED]
    # Databases refuse to be asked for a text with a zero character.
    ids = tuple(dict.fromkeys(one for one in ticked if "\0" not in one))
    return Selection(ids=ids, everything=False, asked=asked, count=len(ids))


def _act_on_ticked(console: Console, action: Action, ids: Sequence[str], reason: str) -> int:
    actor, trace = current_actor(), current_request_trace()
    contexts: dict[str, list[str]] = {}
    for row in console.rows(ids).values():
        contexts.setdefault(row.context, []).append(row.id)
    done = 0
    for context, found in contexts.items():
        runtime = console.runtimes[context]
        do = _doing(runtime.failed_messages, action, actor, reason, trace)
        for own_id in sorted(found):
            deed = Deed(
                actor=actor,
                action=_ONE[action],
                object=f"failed_message/{own_id}",
                reason=reason,
            )
            try:
                console.auditing.in_context(runtime.transactions, deed, partial(do, own_id))
            except (NoSuchFailedMessage, CannotReplay):
                continue
            done += 1
    return done


def _doing(
    desk: FailedMessageDesk, action: Action, actor: Actor, reason: str, trace: str
) -> Callable[[str], None]:
    def do(found: str) -> None:
        match action:
            case Action.REPLAY:
                desk.replay(found, actor=actor.name, reason=reason, trace=trace)
            case Action.DELETE:
                desk.delete(found, actor=actor.name, reason=reason)
            case Action.RESTORE:
                desk.restore(found, actor=actor.name, reason=reason)

    return do


def _order(console: Console, action: Action, selection: Selection, reason: str) -> None:
    """One job for each context. The id comes with the form: sent twice, it is ordered once."""
    asked, actor, now = selection.asked, current_actor(), console.now()
    given = request.form.get("job", "")
    job_id = given if _JOB_ID.fullmatch(given) else console.identifiers.new()
    for context in asked.contexts or tuple(console.views):
        total = console.views[context].count_failed(asked.search)
        if not total or console.jobs.find(f"{job_id}-{context}") is not None:
            continue
        order = Order(
            job=Job(
                id=f"{job_id}-{context}",
                kind=action.value,
                label=f"{_DOING[action]} {plural(total, 'failed message')} of {context}",
                started_by=actor.name,
                started_at=now,
                total=total,
            ),
            action=action,
            search=asked.search,
            actor=actor.name,
            reason=reason,
            trace=current_request_trace(),
        )
        deed = Deed(
            actor=actor,
            action=_MATCHING[action],
            object=f"failed_messages/{context}",
            reason=reason,
            details={"search": asked.query, "count": str(total), "job": order.job.id},
        )
        console.auditing.in_context(
            console.runtimes[context].transactions, deed, partial(console.bulk[context].give, order)
        )
