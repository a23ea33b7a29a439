"""Links that open one thing to whoever holds them."""

from datetime import timedelta
from typing import Protocol

from ports.errors import Refusal

LONGEST_SUBJECT = 128  # characters
LONGEST_TOKEN = 512  # characters; longer ones are refused unread


class LinkIsInvalid(Refusal):
    """Not signed by us for this purpose: mistyped, cut off, made up, or signed with a lost key."""

    def __init__(self, purpose: str) -> None:
        super().__init__("this link is not valid; perhaps it was cut off when it was copied")
        self.purpose = purpose


class LinkHasExpired(Refusal):
    """Signed by us, and too old. ``subject`` may be trusted to name what the link was for."""

    def __init__(self, purpose: str, subject: str) -> None:
        super().__init__("this link has expired; ask for a new one")
        self.purpose = purpose
        self.subject = subject


class LinkSigner(Protocol):
    """Makes tokens that only we can make and that fit into one segment of an address.

    A token says its subject openly to whoever decodes it; it is protected against change, not
    against reading. One instance is shared by threads.
    """

    def sign(self, subject: str, *, purpose: str, valid_for: timedelta) -> str:
        """A token of letters, digits, ``-``, ``_`` and ``.``, good until ``valid_for`` from now.

        Raises:
            ValueError: the subject is empty or longer than :data:`LONGEST_SUBJECT`.
        """

    def subject(self, token: str, *, purpose: str) -> str:
        """What the token was signed for; one made for another purpose is not valid here.

        Raises:
            LinkIsInvalid, LinkHasExpired
        """
