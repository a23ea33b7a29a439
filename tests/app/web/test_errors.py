import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.web.navigation import Frame
from tests.app.web.conftest import a_frame, a_site


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 418, 429, 500, 502, 503])
def test_every_refusal_is_a_page_of_this_site_with_the_request_id(
    client: FlaskClient, status: int
) -> None:
    response = client.get(f"/refused/{status}")

    assert response.status_code == status
    assert f"Error {status}" in response.text
    assert response.headers["X-Request-Id"] in response.text
    assert "thicket.css" in response.text


def test_a_fault_of_ours_says_nothing_about_the_inside(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = client.get("/broken")

    assert response.status_code == 500
    assert "ZeroDivisionError" not in response.text
    assert "secret" not in response.text
    recorded = [record for record in caplog.records if record.name == "app.web.errors"]
    assert [vars(record)["request_id"] for record in recorded] == [response.headers["X-Request-Id"]]


def test_htmx_gets_a_small_fragment_that_fits_into_a_page(client: FlaskClient) -> None:
    response = client.get("/broken", headers={"HX-Request": "true"})

    assert response.status_code == 500
    assert "<html" not in response.text
    assert 'role="alert"' in response.text
    assert response.headers["X-Request-Id"] in response.text


def test_programs_get_a_problem_document(client: FlaskClient) -> None:
    response = client.get("/refused/404", headers={"Accept": "application/json"})

    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"
    assert response.json == {
        "type": "about:blank",
        "title": "Nothing here",
        "status": 404,
        "detail": response.json["detail"],  # type: ignore[index]
        "request_id": response.headers["X-Request-Id"],
    }


@pytest.mark.parametrize("accepted", ["text/html,application/json;q=0.9", "*/*", ""])
def test_browsers_get_a_page_even_if_they_also_take_json(
    client: FlaskClient, accepted: str
) -> None:
    response = client.get("/refused/404", headers={"Accept": accepted})

    assert response.mimetype == "text/html"


def test_a_refusal_of_the_core_is_put_as_the_table_says(client: FlaskClient) -> None:
    response = client.get("/cancelled")

    assert response.status_code == 409
    assert "This ticket was cancelled" in response.text
    assert "ticket 42 was cancelled &lt;today&gt;" in response.text


def test_employees_keep_their_navigation_on_an_error_page_and_strangers_get_theirs() -> None:
    employee = a_site().test_client().get("/nowhere")
    stranger = a_site(frame=lambda: a_frame(user=None)).test_client().get("/nowhere")

    assert 'id="navigation"' in employee.text
    assert 'id="navigation"' not in stranger.text
    assert "Follow my issue" in stranger.text


@pytest.mark.parametrize("path", ["/nowhere", "/broken"])
def test_an_error_page_is_drawn_even_if_the_data_around_it_is_out_of_reach(path: str) -> None:
    def out_of_reach() -> Frame:
        raise ConnectionError("the store is away")

    response = a_site(frame=out_of_reach).test_client().get(path)

    assert response.status_code == (404 if path == "/nowhere" else 500)
    assert response.headers["X-Request-Id"] in response.text
    assert "the store is away" not in response.text


def test_a_wrong_method_says_which_ones_are_right(client: FlaskClient) -> None:
    response = client.get("/styleguide/confirmed")

    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


def test_a_redirect_of_the_router_is_no_error() -> None:
    app: Flask = a_site()
    app.add_url_rule("/folder/", view_func=lambda: "here")

    response = app.test_client().get("/folder")

    assert response.status_code == 308
