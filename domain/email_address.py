"""An e-mail address that can be written to, compared, and put into a header safely.

Both contexts know people by their address, so this belongs to neither.
"""

import re
from dataclasses import dataclass
from typing import Self

from ports.errors import Refusal

LONGEST_ADDRESS = 254  # RFC 5321, without the angle brackets
_LONGEST_LOCAL_PART = 64
_LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class InvalidEmailAddress(Refusal):
    """The address is not part of the message: it may be logged, addresses may not."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"this is not an e-mail address that can be written to: {problem}")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """``local@domain`` in lower case; the domain in its ASCII form.

    Mail servers tell upper from lower case before the ``@`` in theory only, and people do not.
    """

    text: str

    def __post_init__(self) -> None:
        if self.text != _normalised(self.text):
            raise InvalidEmailAddress("it is not in its normal form")

    @classmethod
    def parse(cls, typed: str) -> Self:
        """Raises:
        InvalidEmailAddress: says what is wrong, in words for whoever typed it.
        """
        return cls(_normalised(typed.strip(" ")))

    def __str__(self) -> str:
        return self.text

    @property
    def masked(self) -> str:
        """Enough for its owner to recognise it: ``a•••@example.com``."""
        return masked(self.text)


def masked(address: str) -> str:
    local, _, domain = address.partition("@")
    return f"{local[:1]}•••@{domain}"


def _normalised(text: str) -> str:
    if any(character.isspace() or not character.isprintable() for character in text):
        raise InvalidEmailAddress("it contains a space or a character that cannot be seen")
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        raise InvalidEmailAddress("it needs one @ with text on both sides")
    address = f"{local.lower()}@{_ascii_domain(domain)}"
    if len(local) > _LONGEST_LOCAL_PART or len(address) > LONGEST_ADDRESS:
        raise InvalidEmailAddress("it is too long")
    if not _LOCAL_PART.fullmatch(local.lower()):
        raise InvalidEmailAddress("the part before the @ has a character that is not supported")
    return address


def _ascii_domain(domain: str) -> str:
    try:
        ascii_form = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise InvalidEmailAddress("the part after the @ is no domain name") from None
    labels = ascii_form.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidEmailAddress("the part after the @ is no full domain name")
    if labels[-1].isdigit():
        raise InvalidEmailAddress("the part after the @ is a number and not a domain name")
    return ascii_form
