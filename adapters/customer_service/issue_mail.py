"""Tells customers by mail, as text and as HTML."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ports.contracts.numbers import issue_label
from ports.customer_service.follow_links import FollowLinks
from ports.customer_service.notifications import IssueNotice
from ports.outbound.mail import Mail, MailSender

SENDER = "Customer Service"

_TEXTS = Path(__file__).parent / "mail_texts"


class IssueMail:
    """See :class:`ports.customer_service.notifications.IssueNotifier`."""

    def __init__(self, mails: MailSender, links: FollowLinks) -> None:
        self._mails = mails
        self._links = links
        self._texts = Environment(
            loader=FileSystemLoader(_TEXTS),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._texts.filters["issue_label"] = issue_label

    def confirm_report(self, notice: IssueNotice, *, message_id: str) -> None:
        self._tell("reported", "We received your issue", notice, message_id)

    def tell_closed(self, notice: IssueNotice, *, message_id: str) -> None:
        self._tell("closed", "You closed your issue", notice, message_id)

    def tell_resolved(self, notice: IssueNotice, *, message_id: str) -> None:
        self._tell("resolved", "Your issue is resolved", notice, message_id)

    def tell_cancelled(self, notice: IssueNotice, *, reason: str, message_id: str) -> None:
        self._tell("cancelled", "We cancelled your issue", notice, message_id, reason=reason)

    def send_follow_links(
        self, email: str, notices: Sequence[IssueNotice], *, message_id: str
    ) -> None:
        links = [(notice, self._links.link_to(notice.issue_id)) for notice in notices]
        self._send("links", email, "The links to your issues", message_id, values={"links": links})

    def _tell(
        self, name: str, title: str, notice: IssueNotice, message_id: str, **more: str
    ) -> None:
        link = self._links.link_to(notice.issue_id)
        subject = f"[{issue_label(notice.number)}] {title}: {notice.subject}"
        values = {"notice": notice, "link": link, **more}
        self._send(name, notice.email, subject, message_id, title=title, values=values)

    def _send(
        self,
        name: str,
        to: str,
        subject: str,
        message_id: str,
        *,
        title: str = "",
        values: dict[str, Any],
    ) -> None:
        values = {"title": title or subject, **values}
        self._mails.send(
            Mail(
                to=to,
                subject=subject,
                text=self._texts.get_template(f"{name}.txt").render(values),
                html=self._texts.get_template(f"{name}.html").render(values),
                message_id=message_id,
                from_name=SENDER,
            )
        )
