"""Mails to people."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Protocol

_MESSAGE_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")
_LONGEST_HEADER = 998  # of a line of a mail, RFC 5322


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail to one person, as text and as HTML.

    ``message_id`` is the part before the ``@`` of the Message-ID; the sender adds its own host. The
    same mail again must bear the same one. Whatever becomes a header is a single line without
    control characters, or the mail cannot be made.
    """

    to: str
    subject: str
    text: str
    html: str
    message_id: str
    from_name: str = ""

    def __post_init__(self) -> None:
        for name, value in (("to", self.to), ("subject", self.subject), ("from", self.from_name)):
            if len(value) > _LONGEST_HEADER or any(
                unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value
            ):
                raise ValueError(f"the {name!r} of a mail is one short line of printable text")
        if self.to.count("@") != 1 or any(character in self.to for character in ' ,;:<>"()[]'):
            raise ValueError("a mail goes to one bare address")
        if not _MESSAGE_ID.fullmatch(self.message_id):
            raise ValueError("a message id is letters, digits, dots, dashes and underscores")


class MailSender(Protocol):
    """Reaches outside: never to be called inside a transaction. Shared by threads."""

    def send(self, mail: Mail) -> None:
        """Returns when the server has taken it.

        Raises:
            MailUnavailable: no connection, or a passing error; nobody knows whether it was taken.
            MailRefused: the server will never take it.
            OutsideCallInTransaction
        """
