"""Turning passwords into what may be stored."""

from typing import Protocol

from ports.errors import Unavailable

LONGEST_PASSWORD = 256  # characters; nothing longer is ever hashed


class HashingIsBusy(Unavailable):
    """Too many passwords are being hashed at once; each takes much memory, so they wait in line."""

    def __init__(self) -> None:
        super().__init__("too many people sign in at this moment; try again shortly")


class Passwords(Protocol):
    """Slow on purpose, and as slow for an address that nobody has. Shared by threads.

    Every method raises :class:`HashingIsBusy` when its turn does not come in time.
    """

    def hash(self, password: str) -> str:
        """Salted: the same password gives another text each time.

        Raises:
            ValueError: longer than :data:`LONGEST_PASSWORD`, or not encodable as UTF-8.
        """

    def verify(self, password: str, hashed: str | None) -> bool:
        """Whether the password is the one. ``None`` or an empty hash, for an account that does not
        exist or has no password: False, after the same work. A password that :meth:`hash` would
        refuse is simply wrong."""

    def is_outdated(self, hashed: str) -> bool:
        """Whether the hash was made with other settings than today's, so that it should be made
        again while the password is at hand."""
