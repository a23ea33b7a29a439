"""What load balancers and scrapers ask. They sign in nowhere: health tells nothing but yes or no,
and metrics want a token."""

import hmac
from collections.abc import Callable, Mapping

from flask import Blueprint, Response, abort, jsonify, request

from app.identity.access import public
from app.identity.sessions import current_account
from ports.outbound.accounts import Role

Check = Callable[[], str]  # empty when all is well, else what is wrong, without secrets


def health_blueprint(
    *,
    decisive: Mapping[str, Check],
    reported: Mapping[str, Check],
    metrics: Callable[[], bytes],
    metrics_content_type: str,
    metrics_token: str | None,
) -> Blueprint:
    """``decisive`` checks say whether this process can do its work; ``reported`` ones decide
    nothing: without a broker messages wait, and nothing is lost."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz/live")
    @public
    def live() -> Response:
        return jsonify(status="live")

    @blueprint.get("/healthz/ready")
    @public
    def ready() -> tuple[Response, int]:
        problems = {name: check() for name, check in decisive.items()}
        notes = {name: check() for name, check in reported.items()}
        well = not any(problems.values())
        found = {name: problem or "ok" for name, problem in {**problems, **notes}.items()}
        return jsonify(status="ready" if well else "not ready", checks=found), 200 if well else 503

    @blueprint.get("/metrics")
    @public
    def scrape() -> Response:
        if not (_has_token(metrics_token) or _is_operator()):
            abort(401)
        return Response(metrics(), content_type=metrics_content_type)

    return blueprint


def _has_token(token: str | None) -> bool:
    given = request.headers.get("Authorization", "")
    return token is not None and hmac.compare_digest(
        given.encode("utf-8", "replace"), f"Bearer {token}".encode()
    )


def _is_operator() -> bool:
    account = current_account()
    return account is not None and account.role is Role.OPERATOR
