"""A small site with the style guide and a few views that misbehave."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient

from app.web.errors import Answer
from app.web.navigation import Frame, NavigationGroup, NavigationItem, SearchBox, SignedInUser
from app.web.site import set_up_site
from app.web.styleguide import styleguide_blueprint

OPERATOR = SignedInUser(
    display_name="Olga Operator",
    role="operator",
    sign_out_url="/sign-out",
    links=(NavigationItem(label="Account", url="/account", icon="user"),),
)


class TicketIsCancelled(Exception):
    pass


def a_frame(*, user: SignedInUser | None = OPERATOR, failed: int = 2) -> Frame:
    desk = (
        NavigationItem(label="Home", url="/styleguide", icon="home"),
        NavigationItem(label="Tickets", url="/styleguide/list", icon="ticket", count=31),
    )
    operations = (
        NavigationItem(
            label="Failed messages",
            url="/styleguide/operations",
            icon="alert-octagon",
            count=failed,
            alarming=True,
        ),
        NavigationItem(label="Projections", url="/operations/projections", icon="stack-2"),
    )
    tools = (NavigationItem(label="Flower", url="/flower", icon="flower", external=True),)
    return Frame(
        home_url="/styleguide",
        navigation=(
            NavigationGroup(label="Desk", items=desk),
            NavigationGroup(label="Operations", items=operations),
            NavigationGroup(label="Tools", items=tools),
        ),
        user=user,
        search=SearchBox(url="/search", placeholder="Search tickets, messages, people"),
        public_links=(
            NavigationItem(label="Follow my issue", url="/styleguide/follow", icon="ticket"),
        ),
        help_address="help@example.com",
        failed_messages=lambda: failed,
    )


def a_site(
    *,
    frame: Callable[[], Frame] = a_frame,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    tls: bool = False,
    trust_request_ids: bool = False,
) -> Flask:
    app = Flask("site under test", static_folder=None)
    app.config["SECRET_KEY"] = "only for tests, thirty-two long!"
    set_up_site(
        app,
        frame=frame,
        now=now,
        answers={TicketIsCancelled: Answer(status=409, title="This ticket was cancelled")},
        tls=tls,
        trust_request_ids=trust_request_ids,
        source_root="/srv/thicket",
    )
    app.register_blueprint(styleguide_blueprint(now))

    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError("the secret of the database")

    @app.get("/cancelled")
    def cancelled() -> str:
        raise TicketIsCancelled("ticket 42 was cancelled <today>")

    @app.get("/refused/<int:status>")
    def refused(status: int) -> str:
        abort(status)

    return app


@pytest.fixture
def site() -> Flask:
    return a_site()


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    return site.test_client()
