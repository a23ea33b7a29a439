import pytest
from flask.testing import FlaskClient

from app.web.request_context import request_id
from tests.app.web.conftest import a_site


def test_every_request_has_an_id_of_its_own(client: FlaskClient) -> None:
    first = client.get("/styleguide").headers["X-Request-Id"]
    second = client.get("/styleguide").headers["X-Request-Id"]

    assert len(first) == 16
    assert first != second


def test_strangers_cannot_choose_the_id(client: FlaskClient) -> None:
    chosen = {"X-Request-Id": "0192f3c5-7a41"}

    assert client.get("/styleguide", headers=chosen).headers["X-Request-Id"] != "0192f3c5-7a41"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("0192f3c5-7a41", True), ("short", False), ("has spaces in it", False), ("x" * 65, False)],
)
def test_behind_a_trusted_proxy_a_well_formed_id_is_kept(given: str, kept: bool) -> None:
    client = a_site(trust_request_ids=True).test_client()

    answered = client.get("/styleguide", headers={"X-Request-Id": given}).headers["X-Request-Id"]

    assert (answered == given) is kept


def test_outside_of_a_request_there_is_no_id() -> None:
    assert request_id() == ""
