"""Coming in and going out."""

import logging
from collections.abc import Callable

from flask import Blueprint, Response, flash, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.identity.access import SIGN_IN, public
from app.identity.clients import client_label
from app.identity.forms import SignInForm
from app.identity.rate_limits import RateLimiting, refuse_for_now
from app.identity.return_addresses import safe_return_address
from app.identity.sessions import (
    current_account,
    session_token,
    sign_browser_in,
    sign_browser_out,
)
from app.identity.signing_in import SigningIn
from ports.outbound.accounts import Account

logger = logging.getLogger(__name__)

_WRONG = "Address and password do not match, or the account is not active."


def add_sign_in_pages(
    blueprint: Blueprint,
    *,
    signing_in: SigningIn,
    rate_limiting: RateLimiting,
    home_of: Callable[[Account], str],
) -> None:
    limits = rate_limiting.limits

    def too_many() -> Response:
        return refuse_for_now(SignInForm(), _page)

    @blueprint.get(SIGN_IN)
    @public
    def sign_in() -> str | AnyResponse:
        account = current_account()
        if account is not None:
            return redirect(_return_address() or home_of(account))
        return _page(SignInForm())

    @blueprint.post(SIGN_IN)
    @public
    @rate_limiting.per_address(limits.sign_in_per_address, scope="sign-in", refuse=too_many)
    @rate_limiting.per_client(limits.sign_in_per_client, scope="sign-in", refuse=too_many)
    def send_sign_in() -> tuple[str, int] | AnyResponse:
        form = SignInForm()
        if not form.validate_on_submit():
            return _page(form), 422
        session = signing_in.sign_in(
            form.email.data or "",
            form.password.data or "",
            client=client_label(request.user_agent.string),
            replaces=session_token(),
        )
        if session is None:
            logger.info("sign-in refused")
            form.refuse(_WRONG)
            return _page(form), 422
        rate_limiting.give_back()
        sign_browser_in(session.token)
        return redirect(_return_address() or home_of(session.account), 303)

    @blueprint.post("/sign-out")
    @public
    def sign_out() -> AnyResponse:
        sign_browser_out()
        flash("You are signed out.", "success")
        return redirect(SIGN_IN, 303)


def _page(form: SignInForm) -> str:
    return render_template("identity/sign_in.html", form=form, return_to=_return_address())


def _return_address() -> str | None:
    return safe_return_address(request.args.get("next"))
