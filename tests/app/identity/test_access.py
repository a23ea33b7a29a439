import pytest
from flask import Flask

from app.identity.access import (
    Rule,
    employees,
    operators,
    public,
    rules_of,
    set_up_access,
    signed_link,
    staff,
    verify_every_route_has_a_rule,
)
from ports.errors import CannotStart
from tests.app.identity.site import EMPLOYEE, OPERATOR, Browser, Site

NOBODY = ""


@pytest.fixture(scope="module")
def site() -> Site:
    made = Site()
    made.open_accounts()
    return made


def browser_of(site: Site, who: str) -> Browser:
    visitor = site.browser()
    if who:
        assert visitor.sign_in(who).status_code == 303
    return visitor


@pytest.mark.parametrize(
    ("address", "nobody", "employee", "operator"),
    [
        ("/", 200, 200, 200),
        ("/backoffice/", 302, 200, 200),
        ("/take", 302, 200, 403),
        ("/operations/", 302, 403, 200),
        ("/sign-in", 200, 302, 302),
        ("/account", 302, 200, 200),
        ("/password-reset", 200, 200, 200),
        ("/invitation/unknown", 410, 410, 410),
        ("/password-reset/unknown", 410, 410, 410),
        ("/nowhere", 404, 404, 404),
        ("/sign-out", 405, 405, 405),
    ],
)
def test_each_role_gets_in_where_it_may(
    site: Site, address: str, nobody: int, employee: int, operator: int
) -> None:
    found = [browser_of(site, who).get(address).status_code for who in (NOBODY, EMPLOYEE, OPERATOR)]

    assert found == [nobody, employee, operator]


def test_changes_are_guarded_like_views(site: Site) -> None:
    statuses = {
        who: browser_of(site, who).post("/operations/", seen="/password-reset").status_code
        for who in (NOBODY, EMPLOYEE, OPERATOR)
    }

    assert statuses == {NOBODY: 303, EMPLOYEE: 403, OPERATOR: 200}


def test_a_form_sent_by_nobody_leads_to_signing_in_and_is_not_repeated(site: Site) -> None:
    answer = site.browser().post("/operations/", {"reason": "x"}, seen="/password-reset")

    assert answer.location == "/sign-in"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE", "TRACE"])
def test_other_methods_are_no_way_around(site: Site, method: str) -> None:
    answer = site.app.test_client().open("/operations/", method=method)

    assert answer.status_code in (302, 303, 405)
    assert "console" not in answer.text


@pytest.mark.parametrize(
    ("address", "accepted"),
    [
        ("/operations/", "application/json"),
        ("/operations/", "application/problem+json, text/html;q=0.5"),
        ("/suggestions", "application/json"),
        ("/suggestions", "*/*"),
        ("/suggestions", ""),
    ],
)
def test_a_program_that_is_not_signed_in_gets_a_problem_document(
    site: Site, address: str, accepted: str
) -> None:
    answer = site.browser().get(address, headers={"Accept": accepted})

    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert (answer.json["status"], answer.json["title"]) == (401, "Please sign in")
    assert answer.location is None


def test_a_form_of_a_program_that_is_not_signed_in_is_refused_the_same_way(site: Site) -> None:
    answer = site.browser().post("/operations/", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


@pytest.mark.parametrize(
    ("address", "accepted"),
    [
        ("/operations/", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("/operations/", "*/*"),
        ("/operations/", ""),
        ("/suggestions", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ],
)
def test_a_browser_that_is_not_signed_in_is_led_there(
    site: Site, address: str, accepted: str
) -> None:
    answer = site.browser().get(address, headers={"Accept": accepted})

    assert (answer.status_code, answer.mimetype) == (302, "text/html")
    assert answer.location == f"/sign-in?next={address.replace('/', '%2F')}"


def test_a_fragment_is_not_replaced_by_the_form_for_signing_in(site: Site) -> None:
    answer = site.browser().get(
        "/operations/",
        {"HX-Request": "true", "HX-Current-URL": "http://localhost/operations/channels?page=2"},
    )

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == ("/sign-in?next=%2Foperations%2Fchannels%3Fpage%3D2")
    assert answer.text == ""


def test_a_fragment_of_a_foreign_page_leads_back_to_nowhere(site: Site) -> None:
    answer = site.browser().get(
        "/operations/", {"HX-Request": "true", "HX-Current-URL": "https://evil.example/operations/"}
    )

    assert answer.headers["HX-Redirect"] == "/sign-in"


def test_who_acts_is_known_to_pages(site: Site) -> None:
    page = browser_of(site, EMPLOYEE).get("/backoffice/")

    assert page.json == {"actor": "Emil", "actor_id": "e-1"}


def test_every_rule_of_the_pages_of_identity_is_written_down(site: Site) -> None:
    found = {
        endpoint.removeprefix("identity."): rule
        for endpoint, rule in rules_of(site.app).items()
        if endpoint.startswith("identity.")
    }

    assert found == {
        "sign_in": Rule.PUBLIC,
        "send_sign_in": Rule.PUBLIC,
        "sign_out": Rule.PUBLIC,
        "account": Rule.STAFF,
        "change_password": Rule.STAFF,
        "end_session": Rule.STAFF,
        "sign_out_everywhere": Rule.STAFF,
        "invitation": Rule.SIGNED_LINK,
        "accept_invitation": Rule.SIGNED_LINK,
        "ask_for_reset": Rule.PUBLIC,
        "send_ask_for_reset": Rule.PUBLIC,
        "reset_is_on_its_way": Rule.PUBLIC,
        "reset": Rule.SIGNED_LINK,
        "send_reset": Rule.SIGNED_LINK,
    }


def test_an_application_with_a_route_that_says_nothing_does_not_start() -> None:
    app = Flask("careless", static_folder=None)
    set_up_access(app, declared={"misspelt": Rule.PUBLIC})

    @app.get("/marked")
    @public
    def marked() -> str:
        return ""

    @app.get("/forgotten")
    def forgotten() -> str:
        return ""

    with pytest.raises(CannotStart) as caught:
        verify_every_route_has_a_rule(app)

    first, second = caught.value.faults
    assert "test_access.py" in first.where
    assert "forgotten" in first.problem
    assert "misspelt" in second.where


def test_a_route_that_says_nothing_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    app = Flask("careless", static_folder=None)
    set_up_access(app)
    app.add_url_rule("/forgotten", view_func=lambda: "secret", endpoint="forgotten")

    answer = app.test_client().get("/forgotten")

    assert answer.status_code == 403
    assert "secret" not in answer.text
    assert "route without access rule" in caplog.text


def test_a_view_has_one_rule() -> None:
    def view() -> str:
        return ""

    operators(view)

    for mark in (public, signed_link, staff, employees):
        with pytest.raises(ValueError, match="marked both"):
            mark(view)
    assert operators(view) is view
