import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.web.security_headers import (
    allow_own_frames,
    answer_with_untrusted_document,
    set_up_security_headers,
)
from app.web.static_files import FOLDER, StaticFiles
from tests.app.web.conftest import a_site

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize("path", ["/styleguide", "/nowhere", "/broken", "/static/x/thicket.css"])
def test_every_answer_carries_the_strict_policy(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers

    assert headers["Content-Security-Policy"] == STRICT
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_plain_http_is_refused_for_a_year_only_where_there_is_tls(client: FlaskClient) -> None:
    secured = a_site(tls=True).test_client().get("/styleguide")

    assert secured.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in client.get("/styleguide").headers


def test_pages_are_kept_by_nobody_and_versioned_files_for_a_year(client: FlaskClient) -> None:
    address = StaticFiles(FOLDER).address("thicket.css")

    assert client.get("/styleguide").headers["Cache-Control"] == "no-store"
    assert client.get("/nowhere").headers["Cache-Control"] == "no-store"
    assert client.get(address).headers["Cache-Control"] == "public, max-age=31536000, immutable"


def policies() -> FlaskClient:
    app = Flask("policies under test")
    set_up_security_headers(app, tls=False)

    @app.get("/mailbox")
    def mailbox() -> str:
        allow_own_frames()
        return "page"

    @app.get("/mail")
    def mail() -> str:
        answer_with_untrusted_document()
        return "<script>alert(1)</script>"

    @app.get("/other")
    def other() -> str:
        return "page"

    return app.test_client()


def test_only_a_page_that_asks_for_it_may_frame_pages_of_this_host() -> None:
    client = policies()

    assert client.get("/mailbox").headers["Content-Security-Policy"] == (
        f"{STRICT}; frame-src 'self'"
    )
    assert client.get("/other").headers["Content-Security-Policy"] == STRICT


def test_a_document_by_strangers_runs_nothing_and_is_framed_by_us_alone() -> None:
    headers = policies().get("/mail").headers

    directives = headers["Content-Security-Policy"].split("; ")
    assert "sandbox" in directives
    assert "default-src 'none'" in directives
    assert "frame-ancestors 'self'" in directives
    assert not [one for one in directives if one.startswith("script-src")]
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
