"""The fault that shows what a failed message is: confirmations fail until an operator replays them.

Nothing else knows of it. Who does not want it leaves the wrapper away.
"""

from collections.abc import Callable, Sequence

from ports.customer_service.notifications import IssueNotice, IssueNotifier
from ports.errors import Refusal


class MailTemplateIsBroken(Refusal):
    """No retry can cure it, so it becomes a failed message at the first attempt."""

    def __init__(self) -> None:
        super().__init__(
            "cannot render the confirmation: parameter issue_id is missing (demonstration fault; "
            "replay the message and it succeeds)"
        )


class DemonstrationFault:
    """Wraps a notifier. ``is_replayed`` tells whether the message that is being handled was
    replayed by an operator."""

    def __init__(self, notifier: IssueNotifier, *, is_replayed: Callable[[], bool]) -> None:
        self._notifier = notifier
        self._is_replayed = is_replayed

    def confirm_report(self, notice: IssueNotice, *, message_id: str) -> None:
        """Raises:
        MailTemplateIsBroken: unless the message was replayed.
        """
        if not self._is_replayed():
            raise MailTemplateIsBroken
        self._notifier.confirm_report(notice, message_id=message_id)

    def tell_closed(self, notice: IssueNotice, *, message_id: str) -> None:
        self._notifier.tell_closed(notice, message_id=message_id)

    def tell_resolved(self, notice: IssueNotice, *, message_id: str) -> None:
        self._notifier.tell_resolved(notice, message_id=message_id)

    def tell_cancelled(self, notice: IssueNotice, *, reason: str, message_id: str) -> None:
        self._notifier.tell_cancelled(notice, reason=reason, message_id=message_id)

    def send_follow_links(
        self, email: str, notices: Sequence[IssueNotice], *, message_id: str
    ) -> None:
        self._notifier.send_follow_links(email, notices, message_id=message_id)
