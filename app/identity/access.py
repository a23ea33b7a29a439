"""Which visitors a route lets in, said at the route and enforced in one place.

    @blueprint.get("/tickets")
    @staff
    def tickets() -> str: ...

A route without a rule lets nobody in, and :func:`verify_every_route_has_a_rule` refuses to start
with one.
"""

import inspect
import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Flask, Response, abort, current_app, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from app.identity.return_addresses import address_of_request, safe_return_address
from app.identity.sessions import current_account
from app.web.errors import wants_document
from app.web.fragments import is_fragment_request
from ports.errors import CannotStart, Fault
from ports.outbound.accounts import Role

logger = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

SIGN_IN = "/sign-in"

_ATTRIBUTE = "__access_rule__"
_EXTENSION = "thicket.access"


class Rule(StrEnum):
    PUBLIC = "public"  # everybody
    SIGNED_LINK = "signed link"  # everybody who brings a token that the view itself checks
    STAFF = "staff"  # whoever is signed in
    EMPLOYEES = "employees"
    OPERATORS = "operators"

    def admits(self, role: Role) -> bool:
        """Whether somebody who is signed in with this role may come in."""
        match self:
            case Rule.EMPLOYEES:
                return role is Role.EMPLOYEE
            case Rule.OPERATORS:
                return role is Role.OPERATOR
            case _:
                return True

    @property
    def asks_who(self) -> bool:
        return self not in (Rule.PUBLIC, Rule.SIGNED_LINK)


def public(view: F) -> F:
    return _mark(view, Rule.PUBLIC)


def signed_link(view: F) -> F:
    """The view checks the token in its address before it shows or does anything."""
    return _mark(view, Rule.SIGNED_LINK)


def staff(view: F) -> F:
    return _mark(view, Rule.STAFF)


def employees(view: F) -> F:
    return _mark(view, Rule.EMPLOYEES)


def operators(view: F) -> F:
    return _mark(view, Rule.OPERATORS)


def set_up_access(app: Flask, *, declared: Mapping[str, Rule] | None = None) -> None:
    """Check every request before its view runs. Sessions have to be set up as well.

    ``declared`` holds the rules of endpoints whose views cannot bear a mark, because they belong to
    a layer below or to a library.
    """
    app.extensions[_EXTENSION] = dict(declared or {})
    app.before_request(_enforce)


def rules_of(app: Flask) -> dict[str, Rule | None]:
    """The rule of every endpoint that an address leads to; None where there is none."""
    return {route.endpoint: _rule_of(app, route.endpoint) for route in app.url_map.iter_rules()}


def verify_every_route_has_a_rule(app: Flask) -> None:
    """To be called when all blueprints are registered.

    Raises:
        CannotStart: with every route that says nothing about who may come in.
    """
    faults = [
        Fault(
            where=_where(app.view_functions[endpoint]),
            problem=f"the route {endpoint} does not say who may use it",
            remedy="Mark the view with one of public, signed_link, staff, employees, operators",
        )
        for endpoint, rule in sorted(rules_of(app).items())
        if rule is None
    ]
    known = {route.endpoint for route in app.url_map.iter_rules()}
    faults += [
        Fault(
            where=f"access rule for {endpoint}",
            problem="there is no such endpoint",
            remedy="Correct its name or take the rule away",
        )
        for endpoint in sorted(app.extensions[_EXTENSION].keys() - known)
    ]
    if faults:
        raise CannotStart(faults)


def _mark(view: F, rule: Rule) -> F:
    other = getattr(view, _ATTRIBUTE, rule)
    if other is not rule:
        raise ValueError(f"{view.__qualname__} is marked both {other} and {rule}")
    setattr(view, _ATTRIBUTE, rule)
    return view


def _rule_of(app: Flask, endpoint: str) -> Rule | None:
    declared: dict[str, Rule] = app.extensions[_EXTENSION]
    if endpoint in declared:
        return declared[endpoint]
    rule: Rule | None = getattr(app.view_functions.get(endpoint), _ATTRIBUTE, None)
    return rule


def _enforce() -> BaseResponse | None:
    if request.endpoint is None:
        return None  # no such address: the answer is 404 or 405 for everybody
    rule = _rule_of(current_app, request.endpoint)
    if rule is None:
        logger.error("route without access rule", extra={"endpoint": request.endpoint})
        abort(403)
    if not rule.asks_who:
        return None
    account = current_account()
    if account is None:
        return _to_sign_in()
    if not rule.admits(account.role):
        abort(403)
    return None


def _to_sign_in() -> BaseResponse:
    if is_fragment_request():
        # A redirect would put the sign-in form into the middle of the page that asked.
        response = Response(status=401)
        response.headers["HX-Redirect"] = _sign_in_address(
            safe_return_address(request.headers.get("HX-Current-URL"), host=request.host)
        )
        return response
    if wants_document():
        abort(401)  # a program would take the form for its answer
    if request.method in ("GET", "HEAD"):
        return redirect(_sign_in_address(address_of_request()), 302)
    # What was sent is not repeated after signing in; nobody would see what is being done.
    return redirect(_sign_in_address(None), 303)


def _sign_in_address(return_to: str | None) -> str:
    if return_to in (None, "/"):
        return SIGN_IN
    return f"{SIGN_IN}?{urlencode({'next': return_to})}"


def _where(view: Callable[..., Any]) -> str:
    function = inspect.unwrap(view)
    code = getattr(function, "__code__", None)
    if code is None:
        return repr(view)
    return f"{code.co_filename}:{code.co_firstlineno} {function.__qualname__}"
