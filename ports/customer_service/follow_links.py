"""Links by which a customer follows an issue without an account."""

from typing import Protocol


class FollowLinks(Protocol):
    def link_to(self, issue_id: str) -> str:
        """An absolute address with a signed token. It is a secret: never logged or recorded."""


class FollowedIssues(Protocol):
    def issue_of(self, token: str) -> str:
        """The id of the issue that the last segment of such an address was signed for.

        Raises:
            LinkIsInvalid, LinkHasExpired: see ``ports.outbound.signing``.
        """
