"""What a customer is told about an issue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueNotice:
    """The issue that a notice is about, and whom to tell."""

    issue_id: str
    number: int
    subject: str
    email: str


class IssueNotifier(Protocol):
    """Reaches outside: never to be called inside a transaction.

    The same ``message_id`` again is the same notice again, so that whoever receives it twice can
    tell. Shared by threads.

    Every method raises:
        MailUnavailable: worth another try.
        MailRefused: this address or text will never be accepted.
    """

    def confirm_report(self, notice: IssueNotice, *, message_id: str) -> None: ...

    def tell_closed(self, notice: IssueNotice, *, message_id: str) -> None: ...

    def tell_resolved(self, notice: IssueNotice, *, message_id: str) -> None: ...

    def tell_cancelled(self, notice: IssueNotice, *, reason: str, message_id: str) -> None: ...

    def send_follow_links(
        self, email: str, notices: Sequence[IssueNotice], *, message_id: str
    ) -> None:
        """One notice with a link for each issue, in the order given."""
