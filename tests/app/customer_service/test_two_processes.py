"""The same form arrives at two processes at the same moment."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from ports.customer_service.queries import IssuesOfAddress
from tests.app.customer_service.reporting import GIVEN, key_in
from tests.app.deployment_site import DeploymentSite, text_of


@pytest.fixture(params=["sqlite", "postgresql"])
def processes(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[DeploymentSite, DeploymentSite]]:
    """Two on one database, each with connections of its own."""
    changed = {}
    if request.param == "postgresql":
        changed = {"database_url": request.getfixturevalue("postgres_url")}
    first = DeploymentSite.prepared(tmp_path, **changed)
    second = DeploymentSite(tmp_path, **changed)
    yield first, second
    first.close()
    second.close()


def at_once(asks: Sequence[Callable[[], TestResponse]]) -> list[TestResponse]:
    start = threading.Barrier(len(asks))

    def ask(send: Callable[[], TestResponse]) -> TestResponse:
        start.wait(timeout=30)
        return send()

    with ThreadPoolExecutor(len(asks)) as pool:
        return [answer.result(timeout=60) for answer in [pool.submit(ask, one) for one in asks]]


def number_on(html: str) -> str:
    found = re.search(r"Issue #\d+", text_of(html))
    assert found, html
    return found.group()


def test_a_report_that_arrives_twice_at_once_is_one_issue(
    processes: tuple[DeploymentSite, DeploymentSite],
) -> None:
    visitors = [site.visitor() for site in processes]
    pages = [visitor.get("/").text for visitor in visitors]
    for number in range(5):
        form = {**GIVEN, "subject": f"Printer {number}", "key": key_in(pages[0])}
        answers = at_once([partial(one.post, "/issues", form, seen="/") for one in visitors])

        assert [answer.status_code for answer in answers] == [200, 200]
        one, other = (number_on(answer.text) for answer in answers)
        assert one == other

    asked = IssuesOfAddress(email=GIVEN["email"], limit=20)
    assert len(processes[0].customers.queries.ask(asked)) == 5
