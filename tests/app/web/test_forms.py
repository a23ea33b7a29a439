import re

import pytest
from flask.testing import FlaskClient

VALID = {
    "email": "maria@example.com",
    "subject": "Invoice",
    "content": "The total is wrong.",
    "kind": "bug",
}


def token(client: FlaskClient) -> str:
    found = re.search(
        r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/styleguide/report").text
    )
    assert found is not None
    return found.group(1)


def test_a_form_with_its_token_is_taken(client: FlaskClient) -> None:
    response = client.post("/styleguide/report", data={**VALID, "csrf_token": token(client)})

    assert response.status_code == 302
    assert "Your report was received." in client.get(response.location).text


@pytest.mark.parametrize("forged", [None, "made up"])
def test_a_change_without_the_token_of_this_session_is_refused(
    client: FlaskClient, forged: str | None
) -> None:
    token(client)

    response = client.post(
        "/styleguide/report", data={**VALID, **({"csrf_token": forged} if forged else {})}
    )

    assert response.status_code == 400
    assert "This form is no longer valid" in response.text


def test_a_view_without_a_form_class_is_protected_as_well(client: FlaskClient) -> None:
    assert client.post("/styleguide/confirmed").status_code == 400


@pytest.mark.parametrize(
    ("started_on", "status"),
    [("same-origin", 302), ("none", 302), ("same-site", 403), ("cross-site", 403)],
)
def test_a_change_started_on_another_site_is_refused_even_with_a_token(
    client: FlaskClient, started_on: str, status: int
) -> None:
    response = client.post(
        "/styleguide/report",
        data={**VALID, "csrf_token": token(client)},
        headers={"Sec-Fetch-Site": started_on},
    )

    assert response.status_code == status


def test_under_tls_a_browser_that_sends_no_referer_can_still_send_forms(
    client: FlaskClient,
) -> None:
    found = re.search(
        r'name="csrf_token"[^>]*value="([^"]+)"',
        client.get("/styleguide/report", base_url="https://localhost").text,
    )
    assert found is not None

    response = client.post(
        "/styleguide/report",
        data={**VALID, "csrf_token": found.group(1)},
        base_url="https://localhost",
    )

    assert response.status_code == 302


def test_wrong_input_comes_back_with_every_problem_linked_to_its_field(
    client: FlaskClient,
) -> None:
    response = client.post(
        "/styleguide/report",
        data={"email": "<nobody>", "subject": "Kept", "kind": "bug", "csrf_token": token(client)},
    )

    assert response.status_code == 422
    assert '<a href="#email">E-mail address: Invalid email address.</a>' in response.text
    assert '<a href="#content">What happened: Describe what happened.</a>' in response.text
    assert 'aria-describedby="email-help email-error"' in response.text
    assert 'value="&lt;nobody&gt;"' in response.text
    assert 'value="Kept"' in response.text
    assert "<title>Error: Report an issue" in response.text
