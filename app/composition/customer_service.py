"""What Customer Service contributes to its runtime."""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.customer_service.demonstration_fault import DemonstrationFault
from adapters.customer_service.issue_mail import IssueMail
from adapters.customer_service.issue_numbers import SqlIssueNumbers
from adapters.customer_service.issue_queries import IssueQueries
from adapters.customer_service.issue_records import ISSUE_RECORDS
from adapters.sql.connections import Connections
from domain.customer_service.issue.issue import Issue
from domain.customer_service.issue.policies import CustomerNotices, NewsFromDesk, RequestsToDesk
from ports.customer_service.follow_links import FollowLinks
from ports.customer_service.notifications import IssueNotifier
from ports.customer_service.numbers import IssueNumbers
from ports.outbound.mail import MailSender

AGGREGATES = (Issue,)
MAPPINGS = (ISSUE_RECORDS,)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerServiceParts:
    connections: Connections
    mails: MailSender
    links: FollowLinks
    is_replayed: Callable[[], bool]
    demo_fault: bool


def handlers(parts: CustomerServiceParts) -> list[object]:
    return [
        CustomerNotices(),
        RequestsToDesk(),
        NewsFromDesk(),
        IssueQueries(parts.connections),
    ]


def services(parts: CustomerServiceParts) -> dict[type, object]:
    notifier: IssueNotifier = IssueMail(parts.mails, parts.links)
    if parts.demo_fault:
        notifier = DemonstrationFault(notifier, is_replayed=parts.is_replayed)
    return {
        IssueNotifier: notifier,
        IssueNumbers: SqlIssueNumbers(parts.connections),
    }
