"""The mailbox: mails that were caught instead of sent."""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.identity.access import operators
from app.identity.audited import Audited
from app.identity.auditing import Auditing, Deed
from app.identity.sessions import current_actor
from app.mailbox.reading import read_mail
from app.web.components import Tab
from app.web.fragments import is_fragment_request, live_region
from app.web.paging import Pagination, parse_list_request
from app.web.security_headers import allow_own_frames, answer_with_untrusted_document
from ports.outbound.audit import AuditLog
from ports.outbound.caught_mails import CaughtMail, CaughtMails

_TABS = {"html": "HTML", "text": "Text", "headers": "Headers", "raw": "Raw"}
_LONGEST_RAW = 200_000  # characters that are shown; the rest is in the download


def mailbox_blueprint(
    *,
    mails: CaughtMails,
    audit_log: AuditLog,
    now: Callable[[], datetime],
    demo_fault: bool,
) -> Blueprint:
    blueprint = Blueprint("mailbox", __name__, template_folder="templates")
    # The mails lie in a store of their own.
    auditing = Auditing(audit_log, now=now)

    def found(mail_id: str) -> CaughtMail:
        mail = mails.find(mail_id)
        if mail is None:
            abort(404)
        return mail

    @blueprint.get("/mailbox")
    @operators
    def mail_list() -> str | Response:
        listing = parse_list_request(url_for("mailbox.mail_list"), request.args)
        total = mails.count(listing.search)

        def drawn(template: str) -> str:
            rows = mails.search(listing.search, limit=listing.size, offset=listing.offset)
            return render_template(
                template,
                listing=listing,
                rows=rows,
                pager=Pagination(request=listing, shown=len(rows), total=total),
                demo_fault=demo_fault,
                total=total,
            )

        if is_fragment_request():
            return live_region((total, mails.newest()), lambda: drawn("mailbox/rows.html"))
        return drawn("mailbox/list.html")

    @blueprint.get("/mailbox/<mail_id>")
    @operators
    def mail(mail_id: str) -> str:
        one = found(mail_id)
        content = read_mail(one.raw)
        chosen = request.args.get("tab", "")
        if chosen not in _TABS:
            chosen = "html" if content.html else "text"
        if chosen == "html":
            allow_own_frames()
        return render_template(
            "mailbox/mail.html",
            mail=one,
            content=content,
            chosen=chosen,
            raw=one.raw.decode("utf-8", "replace")[:_LONGEST_RAW],
            tabs=[
                Tab(
                    label=label,
                    url=url_for("mailbox.mail", mail_id=mail_id, tab=name),
                    current=name == chosen,
                )
                for name, label in _TABS.items()
            ],
        )

    @blueprint.get("/mailbox/<mail_id>/html")
    @operators
    def mail_html(mail_id: str) -> Response:
        """What a stranger may have written, as a document that can do nothing."""
        content = read_mail(found(mail_id).raw)
        answer_with_untrusted_document()
        return Response(content.html, mimetype="text/html")

    @blueprint.get("/mailbox/<mail_id>/raw")
    @operators
    def mail_raw(mail_id: str) -> Response:
        response = Response(found(mail_id).raw, mimetype="application/octet-stream")
        response.headers["Content-Disposition"] = 'attachment; filename="mail.eml"'
        return response

    @blueprint.post("/mailbox/<mail_id>/delete")
    @operators
    def delete_mail(mail_id: str) -> AnyResponse:
        deed = Deed(actor=current_actor(), action=Audited.DELETE_MAIL, object=f"mail/{mail_id}")
        if auditing.elsewhere(deed, lambda: mails.delete(mail_id)):
            flash("The mail was deleted.", "success")
        return redirect(url_for("mailbox.mail_list"), 303)

    @blueprint.get("/mailbox/delete-all")
    @operators
    def confirm_delete_all() -> str:
        return render_template("mailbox/confirm_delete_all.html", count=mails.count())

    @blueprint.post("/mailbox/delete-all")
    @operators
    def delete_all() -> AnyResponse:
        deed = Deed(actor=current_actor(), action=Audited.EMPTY_MAILBOX, object="mailbox")
        gone = auditing.elsewhere(deed, mails.delete_all)
        flash(f"The mailbox is empty: {gone} deleted.", "success")
        return redirect(url_for("mailbox.mail_list"), 303)

    return blueprint
