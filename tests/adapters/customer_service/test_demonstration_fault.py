from collections.abc import Sequence

import pytest

from adapters.customer_service.demonstration_fault import DemonstrationFault, MailTemplateIsBroken
from app.testing.flow import Flow
from domain.customer_service.issue.messages import IssueConfirmationWasSent, IssueWasReported
from domain.customer_service.issue.policies import CustomerNotices
from ports.customer_service.notifications import IssueNotice, IssueNotifier
from ports.customer_service.queries import IssueOfAddress, IssuesOfAddress
from ports.inbound.handlers import query_handler
from tests.domain.minting import NOON, uuid_text

NOTICE = IssueNotice(
    issue_id=uuid_text(1), number=1001, subject="Printer on fire", email="ann@example.com"
)
REPORTED = IssueWasReported(
    issue_id=uuid_text(1),
    number=1001,
    email="ann@example.com",
    subject="Printer on fire",
    content="It burns.",
    ticket_id=uuid_text(2),
    reported_at=NOON,
)


class Notifier:
    def __init__(self) -> None:
        self.sent: list[str] = []

    def confirm_report(self, notice: IssueNotice, *, message_id: str) -> None:
        self.sent.append("confirmation")

    def tell_closed(self, notice: IssueNotice, *, message_id: str) -> None:
        self.sent.append("closed")

    def tell_resolved(self, notice: IssueNotice, *, message_id: str) -> None:
        self.sent.append("resolved")

    def tell_cancelled(self, notice: IssueNotice, *, reason: str, message_id: str) -> None:
        self.sent.append(f"cancelled: {reason}")

    def send_follow_links(
        self, email: str, notices: Sequence[IssueNotice], *, message_id: str
    ) -> None:
        self.sent.append(f"{len(notices)} links to {email}")


class NoIssues:
    @query_handler()
    def of_address(self, query: IssuesOfAddress) -> tuple[IssueOfAddress, ...]:
        return ()


def test_a_confirmation_fails_at_once_and_succeeds_when_it_is_replayed() -> None:
    def is_replayed() -> bool:
        handling = flow.runtime.propagation.current()
        return handling is not None and handling.replayed

    notifier = Notifier()
    fault = DemonstrationFault(notifier, is_replayed=is_replayed)
    flow = Flow(
        context="customer_service",
        handlers=[CustomerNotices(), NoIssues()],
        services={IssueNotifier: fault},
        channels=["notifications"],
    )

    flow.publish(REPORTED)
    flow.run("notifications")

    (failed,) = flow.failed_messages()
    assert failed.endpoint == "issue.confirm_report"
    assert "parameter issue_id is missing" in failed.failure.reason
    assert "MailTemplateIsBroken" in failed.failure.exception
    assert flow.published(IssueConfirmationWasSent) == []

    flow.runtime.failed_messages.replay(failed.id, actor="Olga")
    flow.run("notifications")

    assert notifier.sent == ["confirmation"]
    assert flow.failed_messages() == []
    assert flow.published(IssueConfirmationWasSent) == [
        IssueConfirmationWasSent(issue_id=uuid_text(1))
    ]


def test_nothing_but_confirmations_fails() -> None:
    notifier = Notifier()
    fault = DemonstrationFault(notifier, is_replayed=lambda: False)

    with pytest.raises(MailTemplateIsBroken):
        fault.confirm_report(NOTICE, message_id="m")
    fault.tell_closed(NOTICE, message_id="m")
    fault.tell_resolved(NOTICE, message_id="m")
    fault.tell_cancelled(NOTICE, reason="A duplicate.", message_id="m")
    fault.send_follow_links("ann@example.com", [NOTICE], message_id="m")

    assert notifier.sent == [
        "closed",
        "resolved",
        "cancelled: A duplicate.",
        "1 links to ann@example.com",
    ]
