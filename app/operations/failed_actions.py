"""What an operator does with one failed message."""

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.identity.access import operators
from app.identity.audited import Audited
from app.identity.auditing import Deed
from app.identity.sessions import current_actor
from app.messaging.failing import CannotReplay, FailedMessageDesk
from app.operations.console import Console
from app.operations.forms import NoteForm, ReasonForm
from app.web.request_spans import current_request_trace
from ports.errors import NoSuchFailedMessage


def add_failed_actions(blueprint: Blueprint, *, console: Console) -> None:
    def act(
        action: Audited,
        failed_message_id: str,
        reason: str,
        do: Callable[[FailedMessageDesk, str], None],
    ) -> bool:
        """False: somebody was faster, which is said to the visitor."""
        known = console.history(failed_message_id)
        if known is None:
            abort(404)
        runtime, actor = console.runtimes[known[0]], current_actor()

        deed = Deed(
            actor=actor,
            action=action,
            object=f"failed_message/{failed_message_id}",
            reason=reason,
        )
        try:
            console.auditing.in_context(
                runtime.transactions, deed, lambda: do(runtime.failed_messages, actor.name)
            )
        except NoSuchFailedMessage:
            flash("Nothing was done: somebody else dealt with it a moment ago.", "warning")
            return False
        except CannotReplay as impossible:
            why = impossible.reason
            flash(f"Nothing was done: it cannot be replayed, because {why}.", "danger")
            return False
        return True

    def back_to(failed_message_id: str) -> AnyResponse:
        return redirect(
            url_for("operations.failed_message", failed_message_id=failed_message_id), 303
        )

    @blueprint.post("/failed-messages/<failed_message_id>/replay")
    @operators
    def replay(failed_message_id: str) -> AnyResponse:
        form = NoteForm()
        reason = form.text() if form.validate_on_submit() else ""
        trace = current_request_trace()
        if act(
            Audited.REPLAY,
            failed_message_id,
            reason,
            lambda desk, actor: desk.replay(
                failed_message_id, actor=actor, reason=reason, trace=trace
            ),
        ):
            flash("Replayed. What becomes of it is shown below.", "success")
        return back_to(failed_message_id)

    @blueprint.get("/failed-messages/<failed_message_id>/delete")
    @operators
    def confirm_delete(failed_message_id: str) -> str:
        return _delete_page(ReasonForm(formdata=None), failed_message_id)

    @blueprint.post("/failed-messages/<failed_message_id>/delete")
    @operators
    def delete(failed_message_id: str) -> AnyResponse | tuple[str, int]:
        form = ReasonForm()
        if not form.validate_on_submit():
            return _delete_page(form, failed_message_id), 422
        reason = form.text()
        if act(
            Audited.DELETE,
            failed_message_id,
            reason,
            lambda desk, actor: desk.delete(failed_message_id, actor=actor, reason=reason),
        ):
            flash("Deleted. It can be restored from the deleted ones.", "success")
        return redirect(url_for("operations.failed_messages", view="all"), 303)

    def _delete_page(form: ReasonForm, failed_message_id: str) -> str:
        known = console.history(failed_message_id)
        if known is None or known[1].failed is None:
            abort(404)
        return render_template("operations/confirm_delete.html", form=form, failed=known[1].failed)

    @blueprint.post("/failed-messages/<failed_message_id>/restore")
    @operators
    def restore(failed_message_id: str) -> AnyResponse:
        if act(
            Audited.RESTORE,
            failed_message_id,
            "",
            lambda desk, actor: desk.restore(failed_message_id, actor=actor),
        ):
            flash("Restored: it is among the failed messages again.", "success")
        return back_to(failed_message_id)
