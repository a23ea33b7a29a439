"""The way of every mail: an SMTP server between the product and its mail catcher.

It can be away, and it can answer a certain recipient by killing whoever sends: a message that kills
its worker each time.
"""

import asyncio
import smtplib
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes, policy
from threading import Lock
from typing import Any, Protocol

from aiosmtpd.controller import Controller

from soak.ports import free_ports

KILLER = "killer-"  # how the address of a deadly recipient begins


class Taker(Protocol):
    """Where a mail ends. Raises ``OSError`` or ``smtplib.SMTPException`` when it cannot."""

    def __call__(self, sender: str, recipients: list[str], content: bytes) -> None: ...


class Gate:
    def __init__(self, take: Taker, *, kill_sender: Callable[[], object]) -> None:
        self.port = free_ports()
        self.armed = True
        self.killed = 0
        self._take = take
        self._kill_sender = kill_sender
        self._controller: Controller | None = None
        self._lock = Lock()
        self._under_way = 0
        self._newest: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def in_flight(self) -> int:
        return self._under_way

    def open(self) -> None:
        """Takes what is sent from now on."""
        if self._controller is None:
            self._controller = Controller(
                self, hostname="127.0.0.1", port=self.port, ready_timeout=20
            )
            self._controller.start()

    def shut(self) -> None:
        """Connections are refused from now on."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def newest_to(self, recipient: str) -> str:
        """The text of the last mail to this address that was passed on; empty: there was none."""
        return self._newest.get(recipient, "")

    async def handle_DATA(  # noqa: N802 - the server looks for this name
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        content = bytes(envelope.content or b"")
        recipients = list(envelope.rcpt_tos)
        if self.armed and any(recipient.startswith(KILLER) for recipient in recipients):
            self.killed += 1
            await asyncio.to_thread(self._kill_sender)
            return "451 too late"
        with self._lock:
            self._under_way += 1
        try:
            await asyncio.to_thread(self._take, envelope.mail_from or "", recipients, content)
        except (OSError, smtplib.SMTPException):
            return "451 the mailbox is out of reach"
        finally:
            with self._lock:
                self._under_way -= 1
        self._remember(recipients, content)
        return "250 taken"

    def _remember(self, recipients: list[str], content: bytes) -> None:
        body = message_from_bytes(content, policy=policy.default).get_body(("plain",))
        text = ""
        with suppress(LookupError, UnicodeError):
            text = str(body.get_content()) if body is not None else ""
        with self._lock:
            self._newest.update(dict.fromkeys(recipients, text))


def passed_on_to(port: int) -> Taker:
    """Hands mails to the SMTP server on this port."""

    def take(sender: str, recipients: list[str], content: bytes) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
            server.sendmail(sender, recipients, content)

    return take
