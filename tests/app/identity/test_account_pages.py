import pytest

from app.identity.rate_limits import RateLimits
from ports.outbound.audit import Actor
from tests.app.identity.site import EMPLOYEE, OPERATOR, PASSWORD, Browser, Site

NEW = "another good password"


@pytest.fixture
def site() -> Site:
    made = Site()
    made.open_accounts()
    return made


@pytest.fixture
def visitor(site: Site) -> Browser:
    visitor = site.browser()
    visitor.sign_in(EMPLOYEE)
    return visitor


def change(visitor: Browser, old: str, new: str) -> int:
    form = {"current_password": old, "password": new}
    return visitor.post("/account/password", form, seen="/account").status_code


def test_one_sees_who_one_is_and_where_one_is_signed_in(site: Site, visitor: Browser) -> None:
    site.browser().sign_in(EMPLOYEE)

    page = visitor.get("/account")

    assert "Emil, employee, emil@example.com" in page.text
    assert page.text.count("An unknown browser") == 2
    assert page.text.count("this one") == 1


def test_a_new_password_works_from_now_on_and_ends_every_other_session(
    site: Site, visitor: Browser
) -> None:
    other = site.browser()
    other.sign_in(EMPLOYEE)

    assert change(visitor, PASSWORD, NEW) == 303

    assert "Your password is changed." in visitor.get("/account").text
    assert other.get("/account").status_code == 302
    assert site.browser().sign_in(EMPLOYEE, PASSWORD).status_code == 422
    assert site.browser().sign_in(EMPLOYEE, NEW).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("not my password", NEW, "This is not your present password."),
        ("", NEW, "Enter your present password."),
        (PASSWORD, "", "Choose a password."),
        (PASSWORD, "short", "Use at least 10 characters."),
        (PASSWORD, EMPLOYEE, "Use something other than your address."),
        (PASSWORD, "x" * 257, "Use at most 256 characters."),
    ],
)
def test_a_change_that_is_refused_says_why_and_changes_nothing(
    site: Site, visitor: Browser, old: str, new: str, message: str
) -> None:
    answer = visitor.post(
        "/account/password", {"current_password": old, "password": new}, seen="/account"
    )

    assert answer.status_code == 422
    assert message in answer.text
    assert site.browser().sign_in(EMPLOYEE, PASSWORD).status_code == 303


def test_the_present_password_cannot_be_guessed_in_a_session_left_open() -> None:
    site = Site(limits=RateLimits(credential_change_per_account="2 per hour"))
    site.open_accounts()
    visitor = site.browser()
    visitor.sign_in(EMPLOYEE)

    assert [change(visitor, f"guess number {n}", NEW) for n in range(3)] == [422, 422, 429]
    assert change(visitor, PASSWORD, NEW) == 429


def test_signing_out_everywhere_ends_all_own_sessions_and_no_other(
    site: Site, visitor: Browser
) -> None:
    other, operator = site.browser(), site.browser()
    other.sign_in(EMPLOYEE)
    operator.sign_in(OPERATOR)

    answer = visitor.post("/account/sign-out-everywhere", seen="/account")

    assert answer.location == "/sign-in"
    assert visitor.get("/account").status_code == 302
    assert other.get("/account").status_code == 302
    assert operator.get("/account").status_code == 200


def test_one_session_can_be_ended_from_another(site: Site, visitor: Browser) -> None:
    other = site.browser()
    other.sign_in(EMPLOYEE)
    token = other.cookie("thicket")
    assert token is not None
    signed_in = site.sessions.find(token)
    assert signed_in is not None

    address = f"/account/sessions/{signed_in.session.session_id}/end"
    answers = [visitor.post(address, seen="/account").location for _ in range(2)]

    assert answers == ["/account", "/account"]
    assert other.get("/account").status_code == 302
    assert visitor.get("/account").status_code == 200


def test_ending_the_session_one_is_in_is_signing_out(site: Site, visitor: Browser) -> None:
    (session,) = site.sessions.of_account("e-1")

    answer = visitor.post(f"/account/sessions/{session.session_id}/end", seen="/account")

    assert answer.location == "/sign-in"
    assert visitor.get("/account").status_code == 302


def test_nobody_ends_a_session_of_somebody_else(site: Site, visitor: Browser) -> None:
    operator = site.browser()
    operator.sign_in(OPERATOR)
    (session,) = site.sessions.of_account("o-1")

    visitor.post(f"/account/sessions/{session.session_id}/end", seen="/account")

    assert operator.get("/account").status_code == 200


@pytest.mark.parametrize(
    ("session_id", "status"),
    [
        ("x", 303),
        ("%ED%A0%80", 303),
        ("a" * 3000, 303),
        ("'--", 303),
        ("%00", 404),  # no address of this site holds that character
    ],
)
def test_a_session_that_cannot_be_is_no_fault_of_ours(
    visitor: Browser, session_id: str, status: int
) -> None:
    answer = visitor.post(f"/account/sessions/{session_id}/end", seen="/account")

    assert answer.status_code == status
    assert visitor.get("/account").status_code == 200


def test_what_was_done_to_an_account_is_recorded(site: Site, visitor: Browser) -> None:
    change(visitor, "not my password", NEW)
    change(visitor, PASSWORD, NEW)
    visitor.post("/account/sign-out-everywhere", seen="/account")

    entries = site.audit_log.newest(limit=10)

    assert [(entry.action, entry.object) for entry in entries] == [
        ("account.sign_out_everywhere", "account/e-1"),
        ("account.change_password", "account/e-1"),
    ]
    assert {entry.actor for entry in entries} == {Actor(name="Emil", account_id="e-1")}
    assert NEW not in repr(entries)


def test_pages_of_the_account_are_for_who_is_signed_in(site: Site) -> None:
    stranger = site.browser()

    assert change(stranger, PASSWORD, NEW) == 303
    assert site.browser().sign_in(EMPLOYEE, PASSWORD).status_code == 303
