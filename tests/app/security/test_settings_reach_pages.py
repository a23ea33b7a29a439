"""What settings promise holds in the application as it is put together: limits, links, sessions,
proxies."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from adapters.memory.time import VirtualClock
from adapters.passwords.argon2_passwords import Argon2Passwords
from app.composition.deployment import build_deployment
from app.composition.settings import Lifetimes, Limits
from app.composition.web import create_app_of
from tests.app.customer_service.reporting import GIVEN, page_of, reported
from tests.app.deployment_site import OPERATOR, DeploymentSite, Visitor

HERE, THERE, PROXY, LIAR = "203.0.113.9", "198.51.100.1", "10.0.0.7", "192.0.2.1"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

Opening = Callable[..., DeploymentSite]


@pytest.fixture
def site_with(migrated_files: Path, tmp_path: Path) -> Iterator[Opening]:
    """A site with these settings; all are closed in the end."""
    data = tmp_path / "data"
    shutil.copytree(migrated_files, data)
    with ExitStack() as opened:

        def site_with(**settings: Any) -> DeploymentSite:
            return opened.enter_context(closing(DeploymentSite(data, **settings)))

        yield site_with


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> VirtualClock:
    """Of every site that is made after it."""
    clock = VirtualClock(datetime.now(UTC))
    monkeypatch.setattr("app.composition.deployment.SystemClock", lambda: clock)
    return clock


def limits(**changed: str) -> Limits:
    return Limits(**{"reports": "", "links": "", "sign_ins": "", "mails": "", **changed})


def test_passwords_cannot_be_guessed_for_one_account_from_many_places(site_with: Opening) -> None:
    visitor = site_with(limits=limits(sign_ins="2 per hour")).visitor()

    answers = [
        wrong_password(visitor, OPERATOR, sender=f"198.51.100.{number}") for number in range(3)
    ]

    assert answers == [422, 422, 429]


def test_passwords_cannot_be_guessed_for_many_accounts_from_one_place(site_with: Opening) -> None:
    visitor = site_with(limits=limits(sign_ins="2 per hour")).visitor()

    answers = [wrong_password(visitor, f"ada{number}@example.com") for number in range(3)]

    assert answers == [422, 422, 429]
    assert wrong_password(visitor, "ben@example.com", sender=THERE) == 422


def test_processes_count_together(site_with: Opening) -> None:
    one = site_with(limits=limits(reports="2 per hour"))
    with closing(build_deployment(one.deployment.settings)) as deployment:
        app = create_app_of(deployment, passwords=Argon2Passwords())
        another = Visitor(app.test_client())

        answers = [report(visitor) for visitor in (one.visitor(), another, one.visitor(), another)]

    assert answers == [303, 303, 429, 429]


def test_senders_behind_a_trusted_proxy_are_told_apart(site_with: Opening) -> None:
    site = site_with(
        limits=limits(reports="1 per hour"), trusted_proxies=(ip_network("10.0.0.0/8"),)
    )
    visitor = site.visitor()

    behind_proxy = [report(visitor, sender=PROXY, says=one) for one in (HERE, THERE, HERE)]
    directly = [report(visitor, sender=LIAR, says=f"203.0.113.{n}") for n in (20, 21)]

    assert behind_proxy == [303, 303, 429]
    assert directly == [303, 429]


def test_a_customers_link_opens_its_issue_as_long_as_the_setting_says(
    site_with: Opening, clock: VirtualClock
) -> None:
    site = site_with(lifetimes=Lifetimes(follow_link=10 * DAY))
    page = page_of(site, reported(site))

    clock.advance(10 * DAY - MINUTE)
    in_time = site.visitor().get(page).status_code
    clock.advance(2 * MINUTE)

    assert (in_time, site.visitor().get(page).status_code) == (200, 410)


@pytest.mark.parametrize(
    ("lifetimes", "valid_for"),
    [
        (Lifetimes(invitation=2 * DAY), 2 * DAY),
        (Lifetimes(password_reset=20 * MINUTE), 20 * MINUTE),
    ],
)
def test_one_time_links_work_as_long_as_the_setting_says(
    site_with: Opening, clock: VirtualClock, lifetimes: Lifetimes, valid_for: timedelta
) -> None:
    site = site_with(lifetimes=lifetimes)
    if lifetimes.invitation == valid_for:
        link = site.deployment.add_operator("two", email="two@example.com", display_name="Two")
    else:
        link = site.deployment.password_reset_link(OPERATOR)
    visitor = site.visitor()

    clock.advance(valid_for - MINUTE)
    in_time = visitor.get(link).status_code
    clock.advance(2 * MINUTE)

    assert (in_time, visitor.get(link).status_code) == (200, 410)


def test_a_session_ends_when_nothing_was_asked_for_as_long_as_the_setting_says(
    site_with: Opening, clock: VirtualClock
) -> None:
    site = site_with(lifetimes=Lifetimes(session=HOUR, idle_session=10 * MINUTE))
    operator = site.operator()

    clock.advance(9 * MINUTE)
    in_time = operator.get("/account").status_code
    clock.advance(11 * MINUTE)

    assert (in_time, operator.get("/account").status_code) == (200, 302)


def test_a_session_ends_after_what_the_setting_says_however_busy_it_was(
    site_with: Opening, clock: VirtualClock
) -> None:
    site = site_with(lifetimes=Lifetimes(session=HOUR, idle_session=10 * MINUTE))
    operator = site.operator()

    answers = []
    for _ in range(7):
        clock.advance(9 * MINUTE)
        answers.append(operator.get("/account").status_code)

    assert answers == [200, 200, 200, 200, 200, 200, 302]


def wrong_password(visitor: Visitor, email: str, *, sender: str = HERE) -> int:
    """The status of the answer."""
    form = {"email": email, "password": "not the right one"}
    return visitor.post("/sign-in", form, seen="/sign-in", sender=sender).status_code


def report(visitor: Visitor, *, sender: str = HERE, says: str = "") -> int:
    headers = {"X-Forwarded-For": says} if says else {}
    answer = visitor.post("/issues", GIVEN, seen="/", follow=False, sender=sender, headers=headers)
    return answer.status_code
