"""What Customer Service contributes to its runtime."""

from adapters.customer_service.demonstration_fault import DemonstrationFault
from adapters.customer_service.issue_mail import IssueMail
from adapters.customer_service.issue_numbers import SqlIssueNumbers
from adapters.customer_service.issue_queries import IssueQueries
from adapters.customer_service.issue_records import ISSUE_RECORDS
from app.composition.contributions import Context, Supplies
from domain.customer_service.issue.issue import Issue
from domain.customer_service.issue.policies import CustomerNotices, NewsFromDesk, RequestsToDesk
from ports.customer_service.notifications import IssueNotifier
from ports.customer_service.numbers import IssueNumbers


def handlers(supplies: Supplies) -> list[object]:
    return [
        CustomerNotices(),
        RequestsToDesk(),
        NewsFromDesk(),
        IssueQueries(supplies.store.connections),
    ]


def services(supplies: Supplies) -> dict[type, object]:
    notifier: IssueNotifier = IssueMail(supplies.mails, supplies.links)
    if supplies.settings.demo_fault:
        notifier = DemonstrationFault(notifier, is_replayed=supplies.is_replayed)
    return {
        IssueNotifier: notifier,
        IssueNumbers: SqlIssueNumbers(supplies.store.connections),
    }


CONTEXT = Context(
    name="customer_service",
    aggregates=(Issue,),
    mappings=(ISSUE_RECORDS,),
    handlers=handlers,
    services=services,
)
