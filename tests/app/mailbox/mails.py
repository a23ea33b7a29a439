"""Mails as they come from the wire."""

from datetime import UTC, datetime
from email.message import EmailMessage

from ports.outbound.caught_mails import CaughtMail

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
LINK = "http://127.0.0.1:8000/issues/token.1.signature"


def a_raw_mail(
    *,
    subject: str = "Your parcel",
    text: str = f"Follow it: {LINK}.\n",
    html: str = f'<p style="color:red">Follow <a href="{LINK}">it</a></p>',
) -> bytes:
    message = EmailMessage()
    message["From"] = "Post Office <post@example.com>"
    message["To"] = "ada@example.com"
    message["Subject"] = subject
    message["Message-ID"] = "<1@example.com>"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def a_mail(
    number: int = 1, *, raw: bytes | None = None, subject: str = "Your parcel"
) -> CaughtMail:
    return CaughtMail(
        id=f"mail-{number}",
        caught_at=NOON,
        sender="post@example.com",
        recipients=("ada@example.com",),
        subject=subject,
        message_id="<1@example.com>",
        raw=raw if raw is not None else a_raw_mail(subject=subject),
    )
