"""A customer's way, in short."""

from urllib.parse import urlsplit

from domain.customer_service.issue.messages import ReportIssue
from ports.customer_service.queries import IssueByIdentifier, IssueRow
from tests.app.deployment_site import DeploymentSite, hidden_value

GIVEN = {
    "email": "maria@example.com",
    "subject": "Printer burns",
    "content": "Smoke comes out of it.",
}


def reported(site: DeploymentSite, **fields: str) -> str:
    """An issue that is there; its id."""
    issue_id = site.deployment.identifiers.new()
    site.customers.commands.send(ReportIssue(issue_id=issue_id, **{**GIVEN, **fields}))
    return issue_id


def page_of(site: DeploymentSite, issue_id: str) -> str:
    """The path of the page on which its customer follows it."""
    return urlsplit(site.deployment.links.link_to(issue_id)).path


def row(site: DeploymentSite, issue_id: str) -> IssueRow:
    found: IssueRow = site.customers.queries.ask(IssueByIdentifier(issue_id=issue_id))
    return found


def key_in(html: str) -> str:
    """Of the form on the page."""
    return hidden_value(html, "key")
