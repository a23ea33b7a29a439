"""Links by which a customer follows an issue without an account."""

from typing import Protocol


class FollowLinks(Protocol):
    def link_to(self, issue_id: str) -> str:
        """An absolute address with a signed token. It is a secret: never logged or recorded."""
