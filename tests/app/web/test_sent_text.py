from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.app.web.test_forms import VALID, token

URL_ENCODED = "application/x-www-form-urlencoded"
UNREADABLE = [b"%FF%FE", b"%C3", b"%ED%A0%80", b"caf\xe9", b"%C0%AF"]


@pytest.mark.parametrize("unreadable", UNREADABLE)
@pytest.mark.parametrize("name", [b"content", b"other"])
def test_a_form_with_bytes_that_are_no_text_is_refused(
    client: FlaskClient, unreadable: bytes, name: bytes
) -> None:
    right = urlencode({**VALID, "csrf_token": token(client)}).encode()

    answer = client.post(
        "/styleguide/report", data=right + b"&" + name + b"=" + unreadable, content_type=URL_ENCODED
    )

    assert answer.status_code == 400
    assert "This text cannot be read" in answer.text


@pytest.mark.parametrize("unreadable", [b"caf\xe9", b"\xed\xa0\x80"])
def test_so_is_one_that_comes_in_parts(client: FlaskClient, unreadable: bytes) -> None:
    parts = [
        f'name="{name}"\r\n\r\n{value}'.encode()
        for name, value in {**VALID, "csrf_token": token(client)}.items()
    ]
    parts.append(b'name="other"\r\n\r\n' + unreadable)
    body = b"".join(b"--x\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts)

    answer = client.post(
        "/styleguide/report",
        data=body + b"--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    )

    assert answer.status_code == 400
    assert "This text cannot be read" in answer.text


@pytest.mark.parametrize("unreadable", UNREADABLE)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_so_is_an_address(site: Flask, unreadable: bytes, method: str) -> None:
    environ = EnvironBuilder("/styleguide/list", method=method).get_environ()
    environ["QUERY_STRING"] = "q=" + unreadable.decode("latin-1")

    parts, status, _ = run_wsgi_app(site.wsgi_app, environ)  # a client would encode it anew

    assert status == "400 BAD REQUEST"
    assert method == "HEAD" or b"This text cannot be read" in b"".join(parts)


def test_programs_are_told_in_a_document(client: FlaskClient) -> None:
    answer = client.get("/styleguide/list?q=%FF", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert answer.json is not None
    assert answer.json["title"] == "This text cannot be read"


@pytest.mark.parametrize("text", ["Żółw 🐢", "100 % + 5", "%FF", "%zz", "\ufffd"])
def test_every_text_that_can_be_typed_is_taken(client: FlaskClient, text: str) -> None:
    found = client.get("/styleguide/list", query_string={"q": text})
    sent = client.post(
        "/styleguide/report", data={**VALID, "content": text, "csrf_token": token(client)}
    )

    assert (found.status_code, sent.status_code) == (200, 302)


def test_a_form_in_parts_is_taken(client: FlaskClient) -> None:
    answer = client.post(
        "/styleguide/report",
        data={**VALID, "content": "Żółw 🐢", "csrf_token": token(client)},
        content_type="multipart/form-data",
    )

    assert answer.status_code == 302
