"""The pages of customers: report an issue, follow it, close it, ask for the link again.

A customer has no account. The signed token in the address opens one issue and nothing else; it is
a secret, so no page that bears it sends a referrer.
"""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.customer_service.forms import CloseIssueForm, FollowLinkForm, ReportIssueForm
from app.customer_service.progress import has_reached_desk, steps_of
from app.customer_service.report_keys import (
    forget_key,
    is_key,
    issue_id_of,
    key_of_this_browser,
    next_issue_id,
)
from app.identity.access import public, signed_link
from app.identity.rate_limits import RateLimiting, refuse_for_now
from app.web.fragments import live_region
from domain.customer_service.issue.errors import IssueFieldIsInvalid, IssueIsFinished
from domain.customer_service.issue.messages import CloseIssue, ReportIssue, SendFollowLink
from domain.email_address import InvalidEmailAddress
from ports.contracts.numbers import issue_label
from ports.customer_service.follow_links import FollowedIssues, FollowLinks
from ports.customer_service.queries import IssueByIdentifier, IssueRow, IssueState
from ports.headers import ACTOR
from ports.inbound.buses import CommandBus, QueryBus
from ports.outbound.signing import LinkHasExpired, LinkIsInvalid
from ports.outbound.time import Identifiers

TRAP = "website"
_MOST_FINISHED = 20  # issues with the same words under one key, which a browser keeps for an hour
CUSTOMER = {ACTOR: "the customer"}


def customer_service_blueprint(
    *,
    commands: CommandBus,
    queries: QueryBus,
    links: FollowLinks,
    followed: FollowedIssues,
    identifiers: Identifiers,
    rate_limiting: RateLimiting,
    now: Callable[[], datetime],
) -> Blueprint:
    blueprint = Blueprint("customer_service", __name__, template_folder="templates")
    blueprint.add_app_template_filter(issue_label)
    limits = rate_limiting.limits

    def issue_behind(token: str) -> IssueRow:
        """The issue that a token opens; answers 404 or 410 by itself."""
        try:
            issue_id = followed.issue_of(token)
        except LinkIsInvalid:
            abort(404)
        except LinkHasExpired:
            abort(410)
        issue: IssueRow | None = queries.ask(IssueByIdentifier(issue_id=issue_id))
        if issue is None:
            abort(404)
        return issue

    def send_report(issue_id: str, email: str, subject: str, content: str) -> str:
        """The id of the issue that it led to: that one, or the first after it that is not finished.
        Sent twice, both lead to the same."""
        for _ in range(_MOST_FINISHED):
            command = ReportIssue(issue_id=issue_id, email=email, subject=subject, content=content)
            try:
                commands.send(command, headers=CUSTOMER)
            except IssueIsFinished:
                issue_id = next_issue_id(issue_id)
            else:
                break
        else:
            abort(429)
        return issue_id

    def shown(issue: IssueRow, token: str) -> dict[str, object]:
        return {
            "issue": issue,
            "steps": steps_of(issue),
            "reached_desk": has_reached_desk(issue),
            "token": token,
        }

    def report_page(form: ReportIssueForm) -> str:
        if not is_key(form.key.data or ""):
            form.key.data = key_of_this_browser(identifiers, now())
        return render_template("customer_service/report.html", form=form)

    def link_page(form: FollowLinkForm) -> str:
        return render_template("customer_service/ask_for_link.html", form=form)

    def too_many_reports() -> Response:
        return refuse_for_now(ReportIssueForm(), report_page)

    def too_many_links() -> Response:
        return refuse_for_now(FollowLinkForm(), link_page)

    @blueprint.get("/")
    @public
    def report() -> str:
        return report_page(ReportIssueForm(formdata=None))

    @blueprint.post("/issues")
    @public
    @rate_limiting.per_client(limits.report_per_client, scope="report", refuse=too_many_reports)
    @rate_limiting.per_address(limits.mail_per_recipient, scope="mail", refuse=too_many_reports)
    def submit() -> AnyResponse | tuple[str, int]:
        if request.form.get(TRAP):
            # A program filled in what people cannot see. It learns nothing from the answer.
            flash("Thank you, your report was sent.", "success")
            return redirect(url_for("customer_service.report"), 303)
        form = ReportIssueForm()
        if not form.validate_on_submit():
            return report_page(form), 422
        key = form.key.data or ""
        if not is_key(key):
            key = key_of_this_browser(identifiers, now())
        typed = (form.email.data or "", form.subject.data or "", form.content.data or "")
        try:
            issue_id = send_report(issue_id_of(key, typed), *typed)
        except InvalidEmailAddress as refused:
            form.refuse(f"This address cannot be written to: {refused.problem}.", form.email)
            return report_page(form), 422
        except IssueFieldIsInvalid as refused:
            form.refuse(f"This field {refused.problem}.", form[refused.field])
            return report_page(form), 422
        # The path alone: visitors stay on the host name under which they came.
        return redirect(urlsplit(links.link_to(issue_id)).path, 303)

    @blueprint.get("/issues/<token>")
    @signed_link
    def follow(token: str) -> str:
        issue = issue_behind(token)
        return render_template("customer_service/issue.html", **shown(issue, token))

    @blueprint.get("/issues/<token>/progress")
    @signed_link
    def progress(token: str) -> Response:
        issue = issue_behind(token)
        return live_region(
            (issue.changed_at, issue.state, issue.confirmation, issue.timeline),
            lambda: render_template("customer_service/progress.html", **shown(issue, token)),
        )

    @blueprint.get("/issues/<token>/close")
    @signed_link
    def confirm_close(token: str) -> str | AnyResponse:
        issue = issue_behind(token)
        if not issue.can_be_closed:
            return redirect(url_for("customer_service.follow", token=token), 303)
        return render_template(
            "customer_service/close.html", issue=issue, token=token, form=CloseIssueForm()
        )

    @blueprint.post("/issues/<token>/close")
    @signed_link
    def close(token: str) -> AnyResponse:
        issue = issue_behind(token)
        if issue.state is IssueState.CANCELLED:
            flash("Our desk has cancelled this issue; there is nothing left to close.", "info")
            return redirect(url_for("customer_service.follow", token=token), 303)
        commands.send(
            CloseIssue(issue_id=issue.issue_id),
            headers=CUSTOMER,
            correlation_id=issue.correlation_id,
        )
        forget_key()
        flash("Your issue is closed. Thank you for telling us.", "success")
        return redirect(url_for("customer_service.follow", token=token), 303)

    @blueprint.get("/follow")
    @public
    def ask_for_link() -> str:
        return link_page(FollowLinkForm())

    @blueprint.post("/follow")
    @public
    @rate_limiting.per_client(
        limits.resend_link_per_client, scope="resend link", refuse=too_many_links
    )
    @rate_limiting.per_address(limits.mail_per_recipient, scope="mail", refuse=too_many_links)
    def send_link() -> AnyResponse | tuple[str, int]:
        form = FollowLinkForm()
        if not form.validate_on_submit():
            return link_page(form), 422
        # The answer is the same whether or not anybody reported from the address.
        commands.send(SendFollowLink(email=form.email.data or ""), headers=CUSTOMER)
        flash(
            "If issues were reported from this address, a mail with links to them is on its way.",
            "info",
        )
        return redirect(url_for("customer_service.ask_for_link"), 303)

    return blueprint
