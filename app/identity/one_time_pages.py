"""Choosing a password by a link that works once: after an invitation, or after forgetting it.

Opening the link changes nothing, since mail programs open links too.
"""

from flask import (
    Blueprint,
    Response,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from app.identity.access import SIGN_IN, public, signed_link
from app.identity.forms import AskForResetForm, ChoosePasswordForm
from app.identity.password_rules import PasswordIsRefused
from app.identity.rate_limits import RateLimiting, refuse_for_now
from app.identity.sessions import current_account, sign_browser_out
from app.identity.signing_in import SigningIn
from ports.outbound.accounts import Accounts, PasswordResets, TokenIsInvalid, TokenPurpose

RESET = "/password-reset"
INVITATION = "/invitation"

_SCOPE = "one-time link"
_ACCEPT = "identity.accept_invitation"


def add_one_time_pages(
    blueprint: Blueprint,
    *,
    accounts: Accounts,
    signing_in: SigningIn,
    resets: PasswordResets,
    rate_limiting: RateLimiting,
) -> None:
    limits = rate_limiting.limits

    def show(token: str, purpose: TokenPurpose) -> str | tuple[str, int]:
        try:
            account = accounts.find_by_token(token, purpose)
        except TokenIsInvalid:
            return _void(purpose)
        return _page(ChoosePasswordForm(), account.email, purpose)

    def choose(token: str, purpose: TokenPurpose) -> tuple[str, int] | AnyResponse:
        form = ChoosePasswordForm()
        try:
            email = accounts.find_by_token(token, purpose).email
            if not form.validate_on_submit():
                return _page(form, email, purpose), 422
            account = signing_in.choose_password(token, purpose, password=form.password.data or "")
        except TokenIsInvalid:
            return _void(purpose)
        except PasswordIsRefused as refusal:
            form.refuse(str(refusal), form.password)
            return _page(form, email, purpose), 422
        rate_limiting.give_back()
        # Whoever was signed in on this browser may be somebody else, as when an operator tries an
        # invitation out.
        sign_browser_out()
        flash(f"Your password is set. Sign in as {account.email}.", "success")
        return redirect(SIGN_IN, 303)

    def too_many_choices() -> Response:
        # Without looking the link up: who tries links out learns nothing by it.
        purpose = TokenPurpose.INVITATION if request.endpoint == _ACCEPT else TokenPurpose.RESET
        return refuse_for_now(ChoosePasswordForm(), lambda form: _page(form, "", purpose))

    def too_many_resets() -> Response:
        return refuse_for_now(AskForResetForm(), _reset_page)

    @blueprint.get(f"{INVITATION}/<token>")
    @signed_link
    def invitation(token: str) -> str | tuple[str, int]:
        return show(token, TokenPurpose.INVITATION)

    @blueprint.post(f"{INVITATION}/<token>")
    @signed_link
    @rate_limiting.per_client(
        limits.one_time_link_per_client, scope=_SCOPE, refuse=too_many_choices
    )
    def accept_invitation(token: str) -> tuple[str, int] | AnyResponse:
        return choose(token, TokenPurpose.INVITATION)

    @blueprint.get(RESET)
    @public
    def ask_for_reset() -> str:
        return _reset_page(AskForResetForm())

    @blueprint.post(RESET)
    @public
    @rate_limiting.per_address(
        limits.reset_link_per_address, scope="password reset", refuse=too_many_resets
    )
    @rate_limiting.per_client(
        limits.reset_link_per_client, scope="password reset", refuse=too_many_resets
    )
    def send_ask_for_reset() -> tuple[str, int] | AnyResponse:
        form = AskForResetForm()
        if not form.validate_on_submit():
            return _reset_page(form), 422
        resets.request(form.email.data or "")
        return redirect(url_for("identity.reset_is_on_its_way"), 303)

    @blueprint.get(f"{RESET}/sent")
    @public
    def reset_is_on_its_way() -> str:
        return render_template("identity/reset_is_on_its_way.html")

    @blueprint.get(f"{RESET}/<token>")
    @signed_link
    def reset(token: str) -> str | tuple[str, int]:
        return show(token, TokenPurpose.RESET)

    @blueprint.post(f"{RESET}/<token>")
    @signed_link
    @rate_limiting.per_client(
        limits.one_time_link_per_client, scope=_SCOPE, refuse=too_many_choices
    )
    def send_reset(token: str) -> tuple[str, int] | AnyResponse:
        return choose(token, TokenPurpose.RESET)


def _reset_page(form: AskForResetForm) -> str:
    return render_template("identity/ask_for_reset.html", form=form)


def _page(form: ChoosePasswordForm, email: str, purpose: TokenPurpose) -> str:
    present = current_account()
    other = present if present is not None and email and present.email != email else None
    return render_template(
        "identity/choose_password.html",
        form=form,
        email=email,
        invited=purpose is TokenPurpose.INVITATION,
        signed_in_as=other.display_name if other else None,
    )


def _void(purpose: TokenPurpose) -> tuple[str, int]:
    invited = purpose is TokenPurpose.INVITATION
    return render_template("identity/link_is_void.html", invited=invited), 410
