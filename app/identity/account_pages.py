"""One's own account: password and sessions."""

from flask import Blueprint, Response, flash, redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from app.identity.access import SIGN_IN, staff
from app.identity.forms import ChangePasswordForm
from app.identity.password_rules import PasswordIsRefused
from app.identity.rate_limits import RateLimiting, refuse_for_now
from app.identity.sessions import (
    current_session,
    session_token,
    sign_browser_out,
    signed_in_account,
)
from app.identity.signing_in import SigningIn, WrongPassword
from ports.outbound.sessions import Sessions

ACCOUNT = "/account"


def add_account_pages(
    blueprint: Blueprint,
    *,
    sessions: Sessions,
    signing_in: SigningIn,
    rate_limiting: RateLimiting,
) -> None:
    limits = rate_limiting.limits

    def page(form: ChangePasswordForm) -> str:
        account = signed_in_account()
        return render_template(
            "identity/account.html",
            form=form,
            account=account,
            sessions=sessions.of_account(account.account_id),
            this_session=current_session(),
        )

    def too_many_changes() -> Response:
        return refuse_for_now(ChangePasswordForm(), page)

    @blueprint.get(ACCOUNT)
    @staff
    def account() -> str:
        return page(ChangePasswordForm())

    @blueprint.post(f"{ACCOUNT}/password")
    @staff
    @rate_limiting.per_account(
        limits.credential_change_per_account, scope="password change", refuse=too_many_changes
    )
    def change_password() -> tuple[str, int] | AnyResponse:
        form = ChangePasswordForm()
        if not form.validate_on_submit():
            return page(form), 422
        try:
            signing_in.change_password(
                signed_in_account(),
                old=form.current_password.data or "",
                new=form.password.data or "",
                keep_session=session_token(),
            )
        except WrongPassword:
            form.refuse("This is not your present password.", form.current_password)
            return page(form), 422
        except PasswordIsRefused as refusal:
            form.refuse(str(refusal), form.password)
            return page(form), 422
        rate_limiting.give_back()
        flash("Your password is changed. Every other session has ended.", "success")
        return redirect(ACCOUNT, 303)

    @blueprint.post(f"{ACCOUNT}/sessions/<session_id>/end")
    @staff
    def end_session(session_id: str) -> AnyResponse:
        here = current_session()
        if here is not None and here.session_id == session_id:
            sign_browser_out()
            flash("You are signed out.", "success")
            return redirect(SIGN_IN, 303)
        # Ended before, or never there: it is not open now, which is what was wanted.
        sessions.end_one(signed_in_account().account_id, session_id)
        flash("That session has ended.", "success")
        return redirect(ACCOUNT, 303)

    @blueprint.post(f"{ACCOUNT}/sign-out-everywhere")
    @staff
    def sign_out_everywhere() -> AnyResponse:
        signing_in.sign_out_everywhere(signed_in_account())
        sign_browser_out()
        flash("You are signed out everywhere.", "success")
        return redirect(SIGN_IN, 303)
