"""Who comes too often gets the form back, with what was typed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.composition.settings import Limits
from tests.app.customer_service.reporting import GIVEN, key_in
from tests.app.deployment_site import DeploymentSite, Visitor, text_of


@pytest.fixture
def site(migrated_files: Path, tmp_path: Path) -> Iterator[DeploymentSite]:
    data = tmp_path / "data"
    shutil.copytree(migrated_files, data)
    made = DeploymentSite(
        data, limits=Limits(reports="2 per hour", links="2 per hour", sign_ins="", mails="")
    )
    yield made
    made.close()


def test_a_report_too_many_keeps_what_was_typed_and_its_key(
    site: DeploymentSite, customer: Visitor
) -> None:
    form = {**GIVEN, "key": key_in(customer.get("/").text)}
    for number in range(2):
        customer.post("/issues", {**form, "subject": f"Printer {number}"}, seen="/")

    refused = customer.post("/issues", form, seen="/")

    assert refused.status_code == 429
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    assert "Too many attempts. Nothing was sent; wait 60 minutes" in text_of(refused.text)
    assert all(text in refused.text for text in GIVEN.values())
    assert key_in(refused.text) == form["key"]


def test_asking_for_a_link_too_often_keeps_the_address(
    site: DeploymentSite, customer: Visitor
) -> None:
    answers = [
        customer.post("/follow", {"email": f"maria{n}@example.com"}, seen="/follow")
        for n in range(3)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert 'value="maria2@example.com"' in answers[-1].text
    assert "Too many attempts." in text_of(answers[-1].text)
