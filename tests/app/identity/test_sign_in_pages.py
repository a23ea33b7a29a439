import re
from datetime import timedelta

import pytest

from adapters.passwords.argon2_passwords import Argon2Cost, Argon2Passwords
from app.identity.rate_limits import RateLimits
from ports.outbound.accounts import Role
from tests.app.identity.site import EMPLOYEE, OPERATOR, PASSWORD, Browser, Site, form_token


@pytest.fixture
def site() -> Site:
    made = Site()
    made.open_accounts()
    return made


@pytest.fixture
def visitor(site: Site) -> Browser:
    return site.browser()


def test_the_page_asks_for_address_and_password(visitor: Browser) -> None:
    page = visitor.get("/sign-in")

    assert page.status_code == 200
    assert 'name="email"' in page.text
    assert 'name="password"' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("email", "home"), [(OPERATOR, "/operations/"), (EMPLOYEE, "/backoffice/")]
)
def test_whoever_signs_in_is_brought_to_the_home_of_the_role(
    visitor: Browser, email: str, home: str
) -> None:
    answer = visitor.sign_in(email)

    assert answer.status_code == 303
    assert answer.location == home
    assert visitor.get(home).status_code == 200


def test_the_case_of_the_address_and_spaces_around_it_do_not_matter(visitor: Browser) -> None:
    assert visitor.sign_in("  oLGA@EXAMPLE.COM ").status_code == 303


def test_spaces_in_a_password_do_matter(visitor: Browser) -> None:
    assert visitor.sign_in(password=PASSWORD + " ").status_code == 422
    assert visitor.sign_in(password=" " + PASSWORD).status_code == 422


def test_the_page_that_was_wanted_is_shown_after_signing_in(visitor: Browser) -> None:
    turned_away = visitor.get("/operations/?q=a%20b&view=groups")
    assert turned_away.status_code == 302
    assert turned_away.location == ("/sign-in?next=%2Foperations%2F%3Fq%3Da%2520b%26view%3Dgroups")

    answer = visitor.sign_in(address=turned_away.location)

    assert answer.location == "/operations/?q=a%20b&view=groups"


@pytest.mark.parametrize(
    "address",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/%09/evil.example", "x", ""],
)
def test_nobody_is_led_to_another_host(visitor: Browser, address: str) -> None:
    answer = visitor.sign_in(address=f"/sign-in?next={address}")

    assert answer.location == "/operations/"


def test_every_wrong_attempt_gets_the_same_answer(site: Site, visitor: Browser) -> None:
    site.accounts.open("n-1", email="new@example.com", display_name="New", role=Role.EMPLOYEE)
    site.accounts.suspend("e-1")

    pages = {
        visitor.sign_in(email, password).text.replace(email, "…")
        for email, password in [
            (OPERATOR, "another long password"),
            (OPERATOR, "x" * 5000),
            ("nobody@example.com", PASSWORD),
            ("new@example.com", PASSWORD),
            (EMPLOYEE, PASSWORD),
        ]
    }

    assert len({_without_token(page) for page in pages}) == 1
    assert "do not match" in pages.pop()
    assert visitor.get("/backoffice/").status_code == 302


@pytest.mark.parametrize(
    ("email", "password", "message"),
    [
        ("", "x", "Enter your e-mail address."),
        (OPERATOR, "", "Enter your password."),
        ("a" * 255, "x", "Enter an e-mail address."),
        ("a\x00@example.com", "x", "Enter an e-mail address."),
        ("a\nb@example.com", "x", "Enter an e-mail address."),
    ],
)
def test_a_form_that_cannot_be_right_says_why(
    visitor: Browser, email: str, password: str, message: str
) -> None:
    answer = visitor.sign_in(email, password)

    assert answer.status_code == 422
    assert message in answer.text


def test_what_was_typed_is_escaped_and_the_password_is_not_repeated(visitor: Browser) -> None:
    answer = visitor.sign_in('"><script>alert(1)</script>', "secret that was typed")

    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text
    assert "secret that was typed" not in answer.text


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(visitor: Browser) -> None:
    answer = visitor.sign_in()

    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("thicket="))
    attributes = {part.strip().partition("=")[0].lower() for part in cookie.split(";")}
    assert {"httponly", "path", "samesite", "max-age"} <= attributes
    assert "SameSite=Lax" in cookie
    assert "secure" not in attributes


def test_behind_tls_every_cookie_is_secure_and_of_this_host_alone() -> None:
    site = Site(secure=True)
    site.open_accounts()

    answer = site.browser().sign_in()

    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    assert all(cookie.startswith("__Host-thicket") for cookie in cookies)
    assert all("Secure" in cookie and "HttpOnly" in cookie for cookie in cookies)
    assert not any("Domain" in cookie for cookie in cookies)


def test_who_comes_by_https_gets_secure_cookies_wherever_else_pages_are_served(
    site: Site,
) -> None:
    """As behind a proxy that speaks TLS, while the public address is still plain HTTP."""
    client = site.app.test_client()
    page = client.get("/sign-in", base_url="https://localhost")
    form = {"email": EMPLOYEE, "password": PASSWORD, "csrf_token": form_token(page.text)}

    answer = client.post("/sign-in", data=form, base_url="https://localhost")

    assert answer.status_code == 303
    cookies = [*page.headers.getlist("Set-Cookie"), *answer.headers.getlist("Set-Cookie")]
    assert len(cookies) >= 3
    assert all("; Secure" in cookie for cookie in cookies)


def test_signing_in_gives_a_new_session_and_ends_the_one_before(
    site: Site, visitor: Browser
) -> None:
    visitor.sign_in()
    before = visitor.cookie("thicket")
    assert before is not None
    visitor.post("/sign-in", {"email": EMPLOYEE, "password": PASSWORD}, seen="/account")

    after = visitor.cookie("thicket")
    assert after is not None
    assert after != before
    assert site.sessions.find(before) is None


def test_a_cookie_that_somebody_planted_is_never_taken_over(site: Site, visitor: Browser) -> None:
    planted = "A" * 43
    visitor.client.set_cookie("thicket", planted)

    visitor.sign_in()

    assert visitor.cookie("thicket") != planted
    assert site.sessions.find(planted) is None


def test_who_is_signed_in_already_is_brought_home(visitor: Browser) -> None:
    visitor.sign_in(EMPLOYEE)

    assert visitor.get("/sign-in").location == "/backoffice/"
    assert visitor.get("/sign-in?next=/take").location == "/take"


def test_signing_out_ends_the_session_on_the_server(site: Site, visitor: Browser) -> None:
    visitor.sign_in()
    token = visitor.cookie("thicket")
    assert token is not None

    answer = visitor.post("/sign-out", seen="/account")

    assert answer.status_code == 303
    assert visitor.cookie("thicket") is None
    assert site.sessions.find(token) is None
    assert "You are signed out." in visitor.get("/sign-in").text
    assert visitor.get("/operations/").status_code == 302


def test_signing_out_is_not_done_by_following_a_link(visitor: Browser) -> None:
    visitor.sign_in()

    assert visitor.get("/sign-out").status_code == 405
    assert visitor.get("/operations/").status_code == 200


def test_forms_without_a_token_do_nothing(visitor: Browser) -> None:
    attempt = visitor.client.post("/sign-in", data={"email": OPERATOR, "password": PASSWORD})
    assert attempt.status_code == 400
    visitor.sign_in()

    assert visitor.client.post("/sign-out").status_code == 400
    assert visitor.get("/operations/").status_code == 200


def test_a_form_that_a_stranger_opened_cannot_be_sent_by_who_signed_in_since(
    visitor: Browser,
) -> None:
    token = form_token(visitor.get("/sign-in").text)
    visitor.sign_in()

    answer = visitor.client.post("/sign-out", data={"csrf_token": token})

    assert answer.status_code == 400
    assert visitor.get("/operations/").status_code == 200


def test_a_suspended_account_is_out_with_the_next_request(site: Site, visitor: Browser) -> None:
    visitor.sign_in(EMPLOYEE)
    assert visitor.get("/take").status_code == 200

    site.accounts.suspend("e-1")

    assert visitor.get("/take").status_code == 302
    assert visitor.cookie("thicket") is None


def test_a_session_expires(site: Site, visitor: Browser) -> None:
    visitor.sign_in(EMPLOYEE)

    site.clock.advance(site.lifetimes.idle)

    assert visitor.get("/take").status_code == 302


def test_too_many_wrong_passwords_for_one_address_have_to_wait() -> None:
    site = Site(limits=RateLimits(sign_in_per_address="3 per hour"))
    site.open_accounts()
    visitor = site.browser()

    answers = [visitor.sign_in(password=f"wrong password {n}") for n in range(4)]
    right = visitor.sign_in("OLGA@example.com ")
    other = site.browser().sign_in(EMPLOYEE)

    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]
    assert right.status_code == 429
    assert "Too many attempts" in right.text
    assert 'value="OLGA@example.com"' in right.text
    assert PASSWORD not in right.text
    assert int(right.headers["Retry-After"]) > 0
    assert other.status_code == 303


def test_too_many_wrong_passwords_from_one_client_have_to_wait() -> None:
    site = Site(limits=RateLimits(sign_in_per_client="3 per hour"))
    site.open_accounts()

    answers = [site.browser().sign_in(f"guess{n}@example.com").status_code for n in range(4)]

    assert answers == [422, 422, 422, 429]
    assert site.browser().sign_in().status_code == 429


def test_right_passwords_are_not_counted() -> None:
    site = Site(
        limits=RateLimits(sign_in_per_address="2 per hour", sign_in_per_client="2 per hour")
    )
    site.open_accounts()

    answers = [site.browser().sign_in().status_code for _ in range(5)]

    assert answers == [303] * 5


def test_a_password_is_hashed_anew_when_the_settings_were_raised(site: Site) -> None:
    weaker = Argon2Passwords(cost=Argon2Cost(passes=1, memory_kib=16, lanes=1)).hash(PASSWORD)
    site.accounts.set_password("o-1", weaker)

    site.browser().sign_in()
    renewed = site.accounts.credentials(OPERATOR)
    site.browser().sign_in()

    assert renewed is not None
    assert renewed.password_hash != weaker
    assert site.accounts.credentials(OPERATOR) == renewed
    assert site.passwords.verify(PASSWORD, renewed.password_hash)


def test_nothing_about_an_attempt_is_told_to_the_log(
    visitor: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    visitor.sign_in("someone@example.com", "a password in vain")
    visitor.sign_in()
    token = visitor.cookie("thicket")

    assert token is not None
    told = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    for secret in ("someone@example.com", "in vain", PASSWORD, token, OPERATOR):
        assert secret not in told


def test_time_moves_on_between_signing_in_and_the_list_of_sessions(
    site: Site, visitor: Browser
) -> None:
    visitor.sign_in()
    site.clock.advance(timedelta(hours=2))

    page = visitor.get("/account")

    assert "2 h ago" in page.text


def _without_token(html: str) -> str:
    return re.sub(r'value="[^"]{40,}"', "", html)
