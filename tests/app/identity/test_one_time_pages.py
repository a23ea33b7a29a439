from datetime import timedelta

import pytest

from app.identity.rate_limits import RateLimits
from ports.outbound.accounts import Role, TokenPurpose
from tests.app.identity.site import EMPLOYEE, OPERATOR, PASSWORD, Browser, Site

NEW = "another good password"
DAY = timedelta(days=1)


@pytest.fixture
def site() -> Site:
    made = Site()
    made.open_accounts()
    made.accounts.open("n-1", email="nina@example.com", display_name="Nina", role=Role.EMPLOYEE)
    return made


@pytest.fixture
def visitor(site: Site) -> Browser:
    return site.browser()


@pytest.fixture
def invitation(site: Site) -> str:
    token = site.accounts.create_token("n-1", TokenPurpose.INVITATION, valid_for=DAY)
    return f"/invitation/{token}"


@pytest.fixture
def reset(site: Site) -> str:
    token = site.accounts.create_token("e-1", TokenPurpose.RESET, valid_for=DAY)
    return f"/password-reset/{token}"


def choose(visitor: Browser, address: str, password: str = NEW) -> int:
    return visitor.post(address, {"password": password}, seen=address).status_code


def test_an_invited_employee_chooses_a_password_and_signs_in(
    visitor: Browser, invitation: str
) -> None:
    page = visitor.get(invitation)
    assert page.status_code == 200
    assert 'value="nina@example.com"' in page.text

    answer = visitor.post(invitation, {"password": NEW}, seen=invitation)

    assert answer.location == "/sign-in"
    assert "Sign in as nina@example.com." in visitor.get("/sign-in").text
    assert visitor.sign_in("nina@example.com", NEW).location == "/backoffice/"


def test_an_invitation_works_once(site: Site, invitation: str) -> None:
    assert choose(site.browser(), invitation) == 303

    assert site.browser().get(invitation).status_code == 410
    second = site.browser().post(invitation, {"password": "a third password"})
    assert second.status_code == 410
    assert site.browser().sign_in("nina@example.com", NEW).status_code == 303


def test_opening_an_invitation_does_not_use_it(site: Site, invitation: str) -> None:
    for _ in range(3):
        assert site.browser().get(invitation).status_code == 200

    assert choose(site.browser(), invitation) == 303


def test_a_password_that_is_refused_leaves_the_link_good(visitor: Browser, invitation: str) -> None:
    answer = visitor.post(invitation, {"password": "short"}, seen=invitation)

    assert answer.status_code == 422
    assert "Use at least 10 characters." in answer.text
    assert choose(visitor, invitation, "") == 422
    assert choose(visitor, invitation) == 303


def test_a_link_that_has_expired_says_what_to_do(
    site: Site, visitor: Browser, invitation: str, reset: str
) -> None:
    site.clock.advance(DAY)

    invited, forgotten = visitor.get(invitation), visitor.get(reset)

    assert (invited.status_code, forgotten.status_code) == (410, 410)
    assert "ask an operator to invite you again" in invited.text
    assert "Ask for a new link" in forgotten.text


def test_an_invitation_of_who_was_suspended_is_void(site: Site, invitation: str) -> None:
    site.accounts.suspend("n-1")

    assert site.browser().get(invitation).status_code == 410
    assert site.browser().post(invitation, {"password": NEW}).status_code == 410


def test_an_invitation_cannot_be_used_as_a_reset(visitor: Browser, invitation: str) -> None:
    token = invitation.rpartition("/")[2]

    assert visitor.get(f"/password-reset/{token}").status_code == 410


@pytest.mark.parametrize("token", ["x", "%00", "%ED%A0%80", "A" * 43, "a" * 5000, "..", "%2e%2e"])
def test_a_token_that_cannot_be_gets_the_same_page(visitor: Browser, token: str) -> None:
    for address in (f"/invitation/{token}", f"/password-reset/{token}"):
        assert visitor.get(address).status_code in (404, 410)
        assert visitor.post(address, {"password": NEW}).status_code in (404, 405, 410)


def test_a_forgotten_password_is_replaced_and_every_session_ends(site: Site, reset: str) -> None:
    left_open = site.browser()
    left_open.sign_in(EMPLOYEE)

    assert choose(site.browser(), reset) == 303

    assert left_open.get("/account").status_code == 302
    assert site.browser().sign_in(EMPLOYEE, PASSWORD).status_code == 422
    assert site.browser().sign_in(EMPLOYEE, NEW).status_code == 303
    assert site.browser().get(reset).status_code == 410


def test_whoever_else_is_signed_in_on_this_browser_is_told_and_signed_out(
    site: Site, visitor: Browser, invitation: str
) -> None:
    visitor.sign_in(OPERATOR)
    other = site.browser()
    other.sign_in(OPERATOR)

    page = visitor.get(invitation)
    answer = visitor.post(invitation, {"password": NEW}, seen=invitation)

    assert "You are signed in as Olga." in page.text
    assert answer.status_code == 303
    assert visitor.get("/account").status_code == 302
    assert other.get("/account").status_code == 200


def test_asking_for_a_way_back_gets_the_same_answer_for_every_address(site: Site) -> None:
    answers = []
    for email in (EMPLOYEE, "nobody@example.com", " Nina@example.com "):
        answer = site.browser().post("/password-reset", {"email": email}, seen="/password-reset")
        answers.append((answer.status_code, answer.location))

    assert set(answers) == {(303, "/password-reset/sent")}
    assert site.resets.emails == [EMPLOYEE, "nobody@example.com", "Nina@example.com"]
    assert "If that address belongs" in site.browser().get("/password-reset/sent").text


@pytest.mark.parametrize("email", ["", "   ", "a" * 300, "a\x00b@example.com", "a\r\nBcc: b@c"])
def test_what_is_no_address_is_not_asked_for(site: Site, visitor: Browser, email: str) -> None:
    answer = visitor.post("/password-reset", {"email": email}, seen="/password-reset")

    assert answer.status_code == 422
    assert site.resets.emails == []


def test_nobody_is_flooded_with_mails() -> None:
    site = Site(limits=RateLimits(reset_link_per_address="2 per hour"))

    answers = [
        site.browser().post("/password-reset", {"email": email}, seen="/password-reset").status_code
        for email in (EMPLOYEE, EMPLOYEE.upper(), f" {EMPLOYEE}", "other@example.com")
    ]

    assert answers == [303, 303, 429, 303]
    assert len(site.resets.emails) == 3


def test_one_client_cannot_ask_for_everybody() -> None:
    site = Site(limits=RateLimits(reset_link_per_client="2 per hour"))

    answers = [
        site.browser().post(
            "/password-reset", {"email": f"{n}@example.com"}, seen="/password-reset"
        )
        for n in range(3)
    ]

    assert [answer.status_code for answer in answers] == [303, 303, 429]
    assert 'value="2@example.com"' in answers[-1].text
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_links_cannot_be_guessed_without_end() -> None:
    site = Site(limits=RateLimits(one_time_link_per_client="2 per hour"))

    answers = [site.browser().post(f"/invitation/guess{n}", {"password": NEW}) for n in range(3)]

    assert [answer.status_code for answer in answers] == [410, 410, 429]
    assert "Welcome to the desk" in answers[-1].text
    assert NEW not in answers[-1].text


def test_choosing_a_password_is_recorded(site: Site, visitor: Browser, invitation: str) -> None:
    choose(visitor, invitation)

    (entry,) = site.audit_log.newest(limit=10)

    assert (entry.actor.name, entry.action, entry.object) == (
        "Nina",
        "account.choose_password",
        "account/n-1",
    )
    assert entry.details == {"by": "invitation"}
