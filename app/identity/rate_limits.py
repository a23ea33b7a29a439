"""How often something may be tried before it has to wait, counted for all processes together."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from math import ceil
from typing import Any, TypeVar, cast

from flask import Flask, Response, g, make_response, request
from flask_limiter import Limiter, RequestLimit
from limits import parse_many

from app.identity.client_addresses import client_network
from app.identity.sessions import signed_in_account
from app.web.formatting import plural
from app.web.forms import SiteForm
from domain.email_address import EmailAddress, InvalidEmailAddress
from ports.outbound.accounts import comparable_email

F = TypeVar("F", bound=Callable[..., Any])
Typed = TypeVar("Typed", bound=SiteForm)

_METHODS = ["POST"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Each a text like ``10 per 15 minutes``, several joined by ``;``. An empty one sets no limit.

    "Client" is an IPv4 address or an IPv6 network, "address" the mail address that was typed. Only
    failed attempts to sign in count.
    """

    sign_in_per_address: str = "10 per 15 minutes"
    sign_in_per_client: str = "50 per 15 minutes"
    credential_change_per_account: str = "10 per 15 minutes"
    reset_link_per_address: str = "5 per hour"
    reset_link_per_client: str = "30 per hour"
    one_time_link_per_client: str = "60 per 15 minutes"
    report_per_client: str = "60 per 10 minutes"
    resend_link_per_client: str = "20 per hour"
    mail_per_recipient: str = "20 per hour"

    def __post_init__(self) -> None:
        for field in fields(self):
            text = getattr(self, field.name)
            try:
                if text:
                    parse_many(text)
            except ValueError as error:
                raise ValueError(
                    f"the rate limit {field.name} is no text like '10 per 15 minutes': {text!r}"
                ) from error


class RateLimiting:
    """Decorators for views that bound how often they are posted to. What is refused gets status 429
    with ``Retry-After``, before the view runs."""

    def __init__(
        self,
        limits: RateLimits,
        *,
        now: Callable[[], datetime],
        storage_uri: str = "memory://",
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        """``storage_uri`` chooses the storage of the library ``limits``; the default counts in this
        process alone."""
        self.limits = limits
        self._now = now
        self._limiter = Limiter(
            client_network,
            strategy="fixed-window",
            storage_uri=storage_uri,
            storage_options=dict(storage_options or {}),
            key_prefix="thicket",
            on_breach=self._note_when_to_retry,
        )

    def set_up(self, app: Flask) -> None:
        self._limiter.init_app(app)
        app.after_request(_say_when_to_retry)

    def per_client(
        self, limit: str, *, scope: str, refuse: Callable[[], Response] | None = None
    ) -> Callable[[F], F]:
        """``scope`` names what is counted: views of one scope count together. ``refuse`` draws the
        answer instead of the usual error page."""
        return self._limit(limit, f"{scope} by client", client_network, refuse)

    def per_address(
        self,
        limit: str,
        *,
        scope: str,
        field: str = "email",
        refuse: Callable[[], Response] | None = None,
    ) -> Callable[[F], F]:
        """By the mail address in a field of the form; not counted while that is empty."""

        def typed() -> str:
            return _one_spelling(request.form.get(field, ""))

        return self._limit(
            limit, f"{scope} by address", lambda: _digest(typed()), refuse, lambda: not typed()
        )

    def per_account(
        self, limit: str, *, scope: str, refuse: Callable[[], Response] | None = None
    ) -> Callable[[F], F]:
        """By who is signed in."""
        return self._limit(
            limit, f"{scope} by account", lambda: signed_in_account().account_id, refuse
        )

    def give_back(self) -> None:
        """Undo the counting of this request: it was what the limits are not meant for."""
        for counted in self._limiter.current_limits:
            self._limiter.limiter.hit(counted.limit, *counted.request_args, cost=-1)

    def _limit(
        self,
        limit: str,
        scope: str,
        key: Callable[[], str],
        refuse: Callable[[], Response] | None,
        exempt_when: Callable[[], bool] | None = None,
    ) -> Callable[[F], F]:
        if not limit:
            return lambda view: view

        def answer(_: RequestLimit) -> Response | None:
            return refuse() if refuse else None

        limited = self._limiter.shared_limit(
            limit,
            scope=scope,
            key_func=key,
            methods=_METHODS,
            exempt_when=exempt_when,
            on_breach=answer,
        )

        def decorate(view: F) -> F:
            return cast(F, limited(view))

        return decorate

    def _note_when_to_retry(self, breached: RequestLimit) -> None:
        # Not ``reset_at``, which is up to a second late: an hour must not become 61 minutes.
        ends_at = breached.window.reset_time
        g.retry_after_s = max(1, ceil(ends_at - self._now().timestamp()))


def refuse_for_now(form: Typed, draw: Callable[[Typed], str]) -> Response:
    """Answer with the form itself: what was typed stays (passwords are never drawn), beside how
    long to wait."""
    seconds: int = g.get("retry_after_s", 60)
    wait = plural(-(-seconds // 60), "minute")
    form.refuse(f"Too many attempts. Nothing was sent; wait {wait}, then send it again.")
    return make_response(draw(form), 429)


def _say_when_to_retry(response: Response) -> Response:
    if response.status_code == 429 and "retry_after_s" in g:
        response.headers["Retry-After"] = str(g.retry_after_s)
    return response


def _one_spelling(typed: str) -> str:
    """Of all that lead to the same mailbox: domains can be written in many ways."""
    try:
        return EmailAddress.parse(typed.strip()).text
    except InvalidEmailAddress:
        return comparable_email(typed)


def _digest(text: str) -> str:
    # The key is told to the log when a limit is exceeded, and addresses do not belong there.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
