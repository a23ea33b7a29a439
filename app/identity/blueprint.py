"""Everything of identity that an application needs, put together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Flask

from app.identity.access import Rule, set_up_access
from app.identity.account_pages import ACCOUNT, add_account_pages
from app.identity.auditing import Auditing
from app.identity.one_time_pages import add_one_time_pages
from app.identity.rate_limits import RateLimiting
from app.identity.sessions import SessionCookie, current_account, set_up_sessions
from app.identity.sign_in_pages import add_sign_in_pages
from app.identity.signing_in import SigningIn
from app.web.navigation import NavigationItem, SignedInUser
from ports.outbound.accounts import Account, Accounts, PasswordResets
from ports.outbound.audit import AuditLog
from ports.outbound.passwords import Passwords
from ports.outbound.sessions import SessionLifetimes, Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityServices:
    accounts: Accounts
    sessions: Sessions
    lifetimes: SessionLifetimes  # those the sessions were made with
    passwords: Passwords
    resets: PasswordResets
    audit_log: AuditLog
    now: Callable[[], datetime]


def set_up_identity(
    app: Flask,
    services: IdentityServices,
    *,
    rate_limiting: RateLimiting,
    cookie: SessionCookie,
    home_of: Callable[[Account], str],
    declared_rules: Mapping[str, Rule] | None = None,
) -> None:
    """To be called after :func:`app.web.site.set_up_site`. ``verify_every_route_has_a_rule`` comes
    last, when every blueprint is registered.

    ``home_of`` says where somebody goes who signed in without wanting a certain page.
    ``declared_rules`` are for endpoints whose views cannot bear a mark.
    """
    set_up_sessions(app, services.sessions, cookie=cookie, lifetimes=services.lifetimes)
    set_up_access(app, declared=declared_rules)
    rate_limiting.set_up(app)
    app.register_blueprint(identity_blueprint(services, rate_limiting, home_of))


def identity_blueprint(
    services: IdentityServices, rate_limiting: RateLimiting, home_of: Callable[[Account], str]
) -> Blueprint:
    blueprint = Blueprint("identity", __name__, template_folder="templates")
    signing_in = SigningIn(
        services.accounts,
        services.sessions,
        services.passwords,
        Auditing(services.audit_log, now=services.now),
    )
    add_sign_in_pages(
        blueprint, signing_in=signing_in, rate_limiting=rate_limiting, home_of=home_of
    )
    add_account_pages(
        blueprint,
        sessions=services.sessions,
        signing_in=signing_in,
        rate_limiting=rate_limiting,
    )
    add_one_time_pages(
        blueprint,
        accounts=services.accounts,
        signing_in=signing_in,
        resets=services.resets,
        rate_limiting=rate_limiting,
    )
    return blueprint


def signed_in_user() -> SignedInUser | None:
    """Whoever is signed in, for the frame around a page."""
    account = current_account()
    if account is None:
        return None
    return SignedInUser(
        display_name=account.display_name,
        role=account.role.value,
        sign_out_url="/sign-out",
        links=(NavigationItem(label="Your account", url=ACCOUNT, icon="user"),),
    )
