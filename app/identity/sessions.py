"""Who is asking: the session that the request's cookie opens, looked up once and only if needed."""

from dataclasses import dataclass
from typing import cast

from flask import Flask, Response, current_app, g, request
from flask import session as browser_data
from flask.sessions import SecureCookieSessionInterface

from ports.messages import HeaderValue
from ports.outbound.accounts import Account
from ports.outbound.audit import Actor
from ports.outbound.sessions import Session, SessionLifetimes, Sessions, SignedIn

_EXTENSION = "thicket.sessions"
_TOKEN_LENGTH = 43  # 256 bits in Base64


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCookie:
    """``secure`` where all visitors come by HTTPS; elsewhere the cookie is still kept from plain
    HTTP by whoever got it by HTTPS. Cookies are not told apart by port: two copies on one host need
    two names."""

    name: str = "thicket"
    secure: bool

    @property
    def full_name(self) -> str:
        # The prefix makes browsers refuse the cookie from any other host or from plain HTTP.
        return f"__Host-{self.name}" if self.secure else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class _SignedInBrowsers:
    sessions: Sessions
    cookie: SessionCookie
    lifetimes: SessionLifetimes

    @property
    def secure(self) -> bool:
        return self.cookie.secure or request.is_secure


class _FormsCookie(SecureCookieSessionInterface):
    def get_cookie_secure(self, app: Flask) -> bool:
        return _here().secure


def set_up_sessions(
    app: Flask, sessions: Sessions, *, cookie: SessionCookie, lifetimes: SessionLifetimes
) -> None:
    """Also protects Flask's own signed cookie, which carries the form token and messages."""
    app.extensions[_EXTENSION] = _SignedInBrowsers(
        sessions=sessions, cookie=cookie, lifetimes=lifetimes
    )
    app.config.update(
        SESSION_COOKIE_NAME=f"{cookie.full_name}-forms",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
    )
    app.session_interface = _FormsCookie()
    app.after_request(_write_cookie)


def current_account() -> Account | None:
    """Whoever is signed in; None for strangers. An account that was suspended a moment ago is a
    stranger."""
    signed_in = _signed_in()
    return signed_in.account if signed_in else None


def signed_in_account() -> Account:
    """The same in views that only let in who is signed in."""
    account = current_account()
    assert account is not None, "the access rule of this view lets strangers in"
    return account


def current_session() -> Session | None:
    signed_in = _signed_in()
    return signed_in.session if signed_in else None


def acting_headers() -> dict[str, HeaderValue]:
    """The message headers that say who acts: to be given to a bus with what a page sends."""
    account = current_account()
    if account is None:
        return {}
    return {"actor": account.display_name, "actor_id": account.account_id}


def current_actor() -> Actor:
    """Whoever is signed in, for the audit log."""
    account = signed_in_account()
    return Actor(name=account.display_name, account_id=account.account_id)


def session_token() -> str:
    """What the request's cookie holds; empty when it cannot be a token of ours."""
    token = request.cookies.get(_here().cookie.full_name, "")
    return token if len(token) == _TOKEN_LENGTH and token.isascii() else ""


def sign_browser_in(token: str) -> None:
    """Hand the token of a new session to the browser, with the answer to this request."""
    browser_data.clear()  # forms that a stranger opened are not sent by who is signed in
    g.new_session_token = token
    g.pop("signed_in", None)


def sign_browser_out() -> None:
    """End the session of this browser, if it has one."""
    _here().sessions.end(session_token())
    browser_data.clear()
    g.new_session_token = ""
    g.signed_in = None


def _here() -> _SignedInBrowsers:
    return cast(_SignedInBrowsers, current_app.extensions[_EXTENSION])


def _signed_in() -> SignedIn | None:
    if "signed_in" not in g:
        token = g.get("new_session_token") or session_token()
        g.signed_in = _here().sessions.find(token) if token else None
    return cast(SignedIn | None, g.signed_in)


def _write_cookie(response: Response) -> Response:
    here = _here()
    token: str | None = g.get("new_session_token")
    if token:
        response.set_cookie(
            here.cookie.full_name,
            token,
            max_age=here.lifetimes.absolute,
            path="/",
            secure=here.secure,
            httponly=True,
            samesite="Lax",
        )
    elif token == "" or _brought_an_ended_session():
        response.delete_cookie(
            here.cookie.full_name,
            path="/",
            secure=here.secure,
            httponly=True,
            samesite="Lax",
        )
    return response


def _brought_an_ended_session() -> bool:
    return "signed_in" in g and g.signed_in is None and _here().cookie.full_name in request.cookies
