"""Mails by SMTP."""

import smtplib
import ssl
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from ports.errors import MailRefused, MailUnavailable, OutsideCallInTransaction
from ports.outbound.mail import Mail
from ports.outbound.time import Clock

TIMEOUT_SECONDS = 10.0
_DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class SmtpMailSender:
    """See :class:`ports.outbound.mail.MailSender`. One connection per mail, closed again.

    ``url`` is ``smtp://[user:password@]host[:port]``, with ``smtp+starttls`` or ``smtps`` for TLS.
    ``sender`` is an address, with or without a name before it.
    """

    def __init__(
        self, url: str, *, sender: str, clock: Clock, in_transaction: Callable[[], bool]
    ) -> None:
        parts = urlsplit(url)
        self._scheme = parts.scheme
        self._host = parts.hostname or "localhost"
        self._port = parts.port or _DEFAULT_PORTS[parts.scheme]
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password or "")
        self._name, self._address = parseaddr(sender)
        self._clock = clock
        self._in_transaction = in_transaction

    def send(self, mail: Mail) -> None:
        if self._in_transaction():
            raise OutsideCallInTransaction("mail")
        message = self._message(mail)
        try:
            with self._connected() as server:
                server.send_message(message, from_addr=self._address, to_addrs=[mail.to])
        except smtplib.SMTPRecipientsRefused as refused:
            codes = {code for code, _ in refused.recipients.values()}
            raise self._refused_or_away(min(codes, default=450), "the recipient") from refused
        except smtplib.SMTPResponseException as refused:
            raise self._refused_or_away(refused.smtp_code, "the mail") from refused
        except (smtplib.SMTPException, OSError) as error:
            raise MailUnavailable(f"the mail server does not answer: {error}") from error

    @staticmethod
    def _refused_or_away(code: int, what: str) -> MailRefused | MailUnavailable:
        # 5yz is final, anything else may pass (RFC 5321, 4.2.1).
        if code >= 500:
            return MailRefused(f"the mail server refuses {what} for good, with code {code}")
        return MailUnavailable(f"the mail server refuses {what} for now, with code {code}")

    def _connected(self) -> smtplib.SMTP:
        if self._scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host,
                self._port,
                timeout=TIMEOUT_SECONDS,
                context=ssl.create_default_context(),
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            if self._scheme == "smtp+starttls":
                server.starttls(context=ssl.create_default_context())
            if self._user is not None:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        # Address and policy refuse line breaks, so nothing typed can add a header.
        local, _, domain = self._address.rpartition("@")
        message["From"] = Address(mail.from_name or self._name, local, domain)
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{mail.message_id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message
