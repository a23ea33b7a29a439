"""Who comes too often gets the form back, with what was typed."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from app.composition.settings import Limits
from tests.app.customer_service.reporting import GIVEN, key_in
from tests.app.deployment_site import DeploymentSite, Visitor, text_of

Opening = Callable[[Limits], DeploymentSite]


@pytest.fixture
def site_with(migrated_files: Path, tmp_path: Path) -> Iterator[Opening]:
    with ExitStack() as opened:

        def site_with(limits: Limits) -> DeploymentSite:
            data = tmp_path / "data"
            shutil.copytree(migrated_files, data)
            return opened.enter_context(closing(DeploymentSite(data, limits=limits)))

        yield site_with


@pytest.fixture
def site(site_with: Opening) -> DeploymentSite:
    return site_with(Limits(reports="2 per hour", links="2 per hour", sign_ins="", mails=""))


@pytest.fixture
def writing(site_with: Opening) -> "Writing":
    """Two mails to a recipient, and as many requests as a sender likes."""
    return Writing(site_with(Limits(reports="", links="", sign_ins="", mails="2 per hour")))


class Writing:
    def __init__(self, site: DeploymentSite) -> None:
        self._customer = site.visitor()
        self._reports = 0

    def report(self, email: str) -> int:
        """The status of the answer."""
        self._reports += 1
        form = {**GIVEN, "subject": f"Printer {self._reports}", "email": email}
        return self._customer.post("/issues", form, seen="/").status_code

    def ask_for_link(self, email: str) -> int:
        return self._customer.post("/follow", {"email": email}, seen="/follow").status_code


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


def test_nobody_is_flooded_with_confirmations_and_links(writing: Writing) -> None:
    own = [writing.report("maria@example.com"), writing.ask_for_link("maria@example.com")]
    too_many = [writing.report("maria@example.com"), writing.ask_for_link("maria@example.com")]
    others = [writing.report("ben@example.com"), writing.ask_for_link("ben@example.com")]

    assert (own, too_many, others) == ([200, 200], [429, 429], [200, 200])


@pytest.mark.parametrize(
    "spelt",
    [
        "Maria@Example.com",
        " maria@example.com ",
        "maria@\uff45xample.com",
        "maria@EXAMPLE\uff0eCOM",
        "maria@example\u3002com",
        "\u2003maria@\uff45xample.com",
    ],
)
def test_other_spellings_of_an_address_are_the_same_recipient(writing: Writing, spelt: str) -> None:
    for _ in range(2):
        writing.report("maria@example.com")

    assert (writing.report(spelt), writing.ask_for_link(spelt)) == (429, 429)


def test_a_sender_cannot_flood_many(site: DeploymentSite) -> None:
    writing = Writing(site)

    reported = [writing.report(f"maria{n}@example.com") for n in range(3)]
    asked = [writing.ask_for_link(f"maria{n}@example.com") for n in range(3)]

    assert (reported, asked) == ([200, 200, 429], [200, 200, 429])
