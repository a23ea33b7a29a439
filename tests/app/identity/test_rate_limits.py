from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.rate_limits import SCHEME
from adapters.system.time import SystemClock
from app.identity.rate_limits import RateLimiting, RateLimits
from tests.support.deployment_databases import migrated_engine


def now() -> datetime:
    return datetime.now(UTC)


def test_limits_are_shared_by_processes_through_the_database(tmp_path: Path) -> None:
    with migrated_engine(f"sqlite:///{tmp_path / 'thicket.db'}") as engine:

        def process() -> FlaskClient:
            app = Flask("one of several", static_folder=None)
            limiting = RateLimiting(
                RateLimits(),
                now=now,
                storage_uri=f"{SCHEME}://",
                storage_options={
                    "database": DeploymentDatabase(lambda: engine),
                    "clock": SystemClock(),
                },
            )
            limiting.set_up(app)

            @app.post("/")
            @limiting.per_client("3 per hour", scope="x")
            def view() -> str:
                if request.args:
                    limiting.give_back()
                return ""

            return app.test_client()

        one, two = process(), process()
        free = [one.post("/?free=1").status_code for _ in range(5)]
        statuses = [client.post("/").status_code for client in (one, two, one, two, one)]
        refused = two.post("/")

    assert free == [200] * 5
    assert statuses == [200, 200, 200, 429, 429]
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600


def test_every_default_is_a_limit_that_is_understood() -> None:
    limits = RateLimits()

    assert limits.sign_in_per_address == "10 per 15 minutes"


def test_a_limit_that_is_not_understood_is_named() -> None:
    with pytest.raises(ValueError, match="report_per_client"):
        RateLimits(report_per_client="often")


def test_an_empty_text_sets_no_limit() -> None:
    app = Flask("unlimited", static_folder=None)
    limiting = RateLimiting(RateLimits(report_per_client=""), now=now)
    limiting.set_up(app)

    @app.post("/issues")
    @limiting.per_client(limiting.limits.report_per_client, scope="report")
    def report() -> str:
        return "thanks"

    client = app.test_client()
    assert {client.post("/issues").status_code for _ in range(100)} == {200}


def test_views_of_one_scope_count_together_and_looking_is_free() -> None:
    app = Flask("limited", static_folder=None)
    limiting = RateLimiting(RateLimits(), now=now)
    limiting.set_up(app)

    @app.route("/one", methods=["GET", "POST"])
    @limiting.per_client("2 per hour", scope="both")
    def one() -> str:
        return "one"

    @app.post("/two")
    @limiting.per_client("2 per hour", scope="both")
    def two() -> str:
        return "two"

    @app.post("/three")
    @limiting.per_client("2 per hour", scope="another")
    def three() -> str:
        return "three"

    client = app.test_client()
    looked = {client.get("/one").status_code for _ in range(10)}
    posted = [client.post(address).status_code for address in ("/one", "/two", "/one", "/two")]

    assert looked == {200}
    assert posted == [200, 200, 429, 429]
    assert client.post("/three").status_code == 200
    assert client.post("/two").headers["Retry-After"].isdecimal()


def test_clients_are_told_apart_by_their_network() -> None:
    app = Flask("limited", static_folder=None)
    limiting = RateLimiting(RateLimits(), now=now)
    limiting.set_up(app)

    @app.post("/")
    @limiting.per_client("1 per hour", scope="x")
    def view() -> str:
        return ""

    client = app.test_client()
    statuses = [
        client.post("/", environ_base={"REMOTE_ADDR": address}).status_code
        for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    ]

    assert statuses == [200, 200, 200, 429, 200]


def test_addresses_are_counted_without_regard_to_case_and_not_told_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    app = Flask("limited", static_folder=None)
    limiting = RateLimiting(RateLimits(), now=now)
    limiting.set_up(app)

    @app.post("/")
    @limiting.per_address("1 per hour", scope="x")
    def view() -> str:
        return ""

    client = app.test_client()
    statuses = [
        client.post("/", data={"email": email}).status_code
        for email in ("ada@example.com", " ADA@example.com", "bob@example.com", "", "")
    ]

    assert statuses == [200, 429, 200, 200, 200]
    assert "exceeded" in caplog.text
    assert "ada@" not in caplog.text.lower()
