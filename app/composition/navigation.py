"""What stands in the frame around every page, for each kind of visitor."""

from collections.abc import Callable

from flask import g

from app.composition.deployment import Deployment
from app.identity.blueprint import signed_in_user
from app.identity.sessions import current_account
from app.web.navigation import Frame, NavigationGroup, NavigationItem, SearchBox
from ports.outbound.accounts import Account, Role
from ports.outbound.operations import FailedMessageSearch


def home_of(deployment: Deployment) -> Callable[[Account], str]:
    """Where somebody goes after signing in."""
    if "backoffice" in deployment.runtimes:
        return lambda account: "/backoffice/"
    return lambda account: "/operations/" if account.role is Role.OPERATOR else "/account"


def frame_of(deployment: Deployment) -> Callable[[], Frame]:
    def frame() -> Frame:
        account = current_account()
        if account is None:
            return Frame(public_links=_public_links(deployment))
        return Frame(
            home_url=home_of(deployment)(account),
            navigation=_navigation(deployment, account),
            user=signed_in_user(),
            search=_search(deployment),
            public_links=_public_links(deployment),
            failed_messages=lambda: failed_messages(deployment),
        )

    return frame


def failed_messages(deployment: Deployment) -> int:
    """Of all contexts, asked at most once for each request."""
    if "failed_messages" not in g:
        g.failed_messages = sum(
            view.count_failed(FailedMessageSearch()) for view in deployment.operations.values()
        )
    count: int = g.failed_messages
    return count


def _public_links(deployment: Deployment) -> tuple[NavigationItem, ...]:
    if "customer_service" not in deployment.runtimes:
        return ()
    return (
        NavigationItem(label="Report an issue", url="/", icon="message"),
        NavigationItem(label="Follow my issues", url="/follow", icon="link"),
    )


def _search(deployment: Deployment) -> SearchBox | None:
    if "backoffice" not in deployment.runtimes:
        return None
    return SearchBox(url="/backoffice/tickets?view=all", placeholder="Search tickets")


def _navigation(deployment: Deployment, account: Account) -> tuple[NavigationGroup, ...]:
    operator = account.role is Role.OPERATOR
    groups = []
    if "backoffice" in deployment.runtimes:
        desk = [
            NavigationItem(label="Home", url="/backoffice/", icon="home"),
            NavigationItem(label="Tickets", url="/backoffice/tickets", icon="ticket"),
        ]
        if operator:
            desk.append(
                NavigationItem(label="Employees", url="/backoffice/employees", icon="users")
            )
        groups.append(NavigationGroup(label="Desk", items=tuple(desk)))
    if operator:
        groups.append(_operations(deployment))
        groups.append(_tools(deployment))
    return tuple(groups)


def _operations(deployment: Deployment) -> NavigationGroup:
    return NavigationGroup(
        label="Operations",
        items=(
            NavigationItem(label="Overview", url="/operations/", icon="activity"),
            NavigationItem(
                label="Failed messages",
                url="/operations/failed-messages",
                icon="alert-triangle",
                count=failed_messages(deployment),
                alarming=True,
            ),
            NavigationItem(label="Projections", url="/operations/projections", icon="chart-line"),
            NavigationItem(label="Channels", url="/operations/channels", icon="route"),
            NavigationItem(label="Consumers", url="/operations/consumers", icon="server"),
            NavigationItem(label="Traces", url="/operations/traces", icon="timeline"),
        ),
    )


def _tools(deployment: Deployment) -> NavigationGroup:
    settings = deployment.settings
    items = []
    if settings.mail_catcher:
        items.append(NavigationItem(label="Mailbox", url="/mailbox", icon="mail"))
    if settings.flower:
        items.append(
            NavigationItem(label="Flower", url=settings.flower_url, icon="flower", external=True)
        )
    return NavigationGroup(label="Tools", items=tuple(items))
