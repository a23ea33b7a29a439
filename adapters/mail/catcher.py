"""A mail server that keeps everything and delivers nothing, for development and demonstrations."""

import asyncio
import logging
from email import policy
from email.message import Message
from email.parser import BytesParser
from threading import Event
from typing import Any

from aiosmtpd.controller import Controller

from ports.errors import StoreUnavailable
from ports.outbound.caught_mails import LARGEST_MAIL, CaughtMail, CaughtMails
from ports.outbound.time import Clock, Identifiers

logger = logging.getLogger(__name__)

_LONGEST_SUBJECT = 500  # characters


class CatchingHandler:
    """What the SMTP server calls; answers only when the mail is kept."""

    def __init__(self, mails: CaughtMails, *, clock: Clock, identifiers: Identifiers) -> None:
        self._mails = mails
        self._clock = clock
        self._identifiers = identifiers

    async def handle_DATA(  # noqa: N802 - the server looks for this name
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        raw = bytes(envelope.content or b"")
        try:
            await asyncio.to_thread(
                self._mails.keep, self._caught(raw, envelope.mail_from, envelope.rcpt_tos)
            )
        except StoreUnavailable as error:
            logger.warning("a mail could not be kept", extra={"why": str(error)})
            return "451 Requested action aborted: cannot keep it now"
        return "250 Message accepted"

    def _caught(self, raw: bytes, sender: str | None, recipients: list[str]) -> CaughtMail:
        # This policy reads no header before it is asked to.
        headers = BytesParser(policy=policy.compat32).parsebytes(raw, headersonly=True)
        return CaughtMail(
            id=self._identifiers.new(),
            caught_at=self._clock.now(),
            sender=sender or "",
            recipients=tuple(recipients),
            subject=_text_of(headers, "Subject")[:_LONGEST_SUBJECT],
            message_id=_text_of(headers, "Message-ID").strip(),
            raw=raw,
        )


def _text_of(headers: Message, name: str) -> str:
    raw = str(headers.get(name, ""))
    try:
        return str(policy.default.header_fetch_parse(name, raw))
    except Exception:  # noqa: BLE001 - the parser of a broken header ends in whatever it runs into
        return raw


def catch_mails(handler: CatchingHandler, *, host: str, port: int, stop: Event) -> None:
    """Serve until ``stop`` is set.

    Raises:
        OSError: the port cannot be opened.
    """
    controller = Controller(
        handler, hostname=host, port=port, data_size_limit=LARGEST_MAIL, ready_timeout=10
    )
    controller.start()
    try:
        stop.wait()
    finally:
        controller.stop()
