"""Mails that were caught instead of sent, to be read in the mailbox page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

LARGEST_MAIL = 1_048_576  # bytes; a larger one is refused when it comes


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtMail:
    """``raw`` is the mail as it came, headers and all."""

    id: str
    caught_at: datetime
    sender: str  # of the envelope
    recipients: tuple[str, ...]  # of the envelope
    subject: str  # as people read it, bounded
    message_id: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtMailSummary:
    id: str
    caught_at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    size: int  # bytes


class CaughtMails(Protocol):
    """Each call is one short transaction."""

    def keep(self, mail: CaughtMail) -> None: ...

    def find(self, mail_id: str) -> CaughtMail | None: ...

    def search(self, text: str = "", *, limit: int, offset: int = 0) -> Sequence[CaughtMailSummary]:
        """Latest first; ``text`` is part of the subject or of an address."""

    def count(self, text: str = "") -> int: ...

    def newest(self) -> datetime | None:
        """When the latest was caught: a cheap version of the whole list."""

    def delete(self, mail_id: str) -> bool: ...

    def delete_all(self) -> int: ...

    def purge(self, *, before: datetime, limit: int) -> int:
        """Remove mails caught before; how many went."""
