"""The Flask application, put together."""

from flask import Flask

from adapters.passwords.argon2_passwords import Argon2Passwords
from adapters.sql.rate_limits import SCHEME
from adapters.sql.sessions import SqlSessions
from adapters.telemetry.prometheus import CONTENT_TYPE, exposition
from app.composition.deployment import Deployment, build_deployment
from app.composition.environment import ROOT
from app.composition.health import decisive_checks, reported_checks
from app.composition.navigation import frame_of, home_of
from app.composition.refusals import ANSWERS
from app.composition.settings import Settings
from app.customer_service.pages import customer_service_blueprint
from app.identity.access import Rule, verify_every_route_has_a_rule
from app.identity.blueprint import IdentityServices, set_up_identity
from app.identity.client_addresses import TrustedProxies
from app.identity.password_resets import QueuedPasswordResets
from app.identity.rate_limits import RateLimiting, RateLimits
from app.identity.sessions import SessionCookie
from app.operations.health import health_blueprint
from app.messaging.runtime import Runtime
from app.web.fragments import is_fragment_request
from app.web.request_spans import set_up_request_spans
from app.web.site import set_up_site
from app.web.styleguide import styleguide_blueprint
from ports.outbound.sessions import SessionLifetimes


_STYLEGUIDE_VIEWS = (
    "components",
    "sample_list",
    "operations",
    "report",
    "send_report",
    "follow",
    "confirm",
    "confirmed",
    "people",
    "region",
    "job",
)


def create_app(settings: Settings) -> Flask:
    """Opens nothing; the first request does."""
    return create_app_of(build_deployment(settings))


def create_app_of(deployment: Deployment) -> Flask:
    settings, now = deployment.settings, deployment.clock.now
    app = Flask("thicket", static_folder=None, root_path=str(ROOT / "app" / "web"))
    app.config.update(
        SECRET_KEY=settings.secret_keys[0],
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        MAX_CONTENT_LENGTH=settings.limits.request_bytes,
        MAX_FORM_MEMORY_SIZE=settings.limits.request_bytes,
        MAX_FORM_PARTS=200,
    )
    set_up_request_spans(
        app,
        tracer=deployment.telemetry.tracer("web"),
        metrics=deployment.metrics,
        polls=is_fragment_request,
    )
    set_up_site(
        app,
        frame=frame_of(deployment),
        now=now,
        answers=ANSWERS,
        tls=settings.behind_tls,
        source_root=str(ROOT),
    )
    lifetimes = SessionLifetimes(
        idle=settings.lifetimes.idle_session, absolute=settings.lifetimes.session
    )
    rate_limiting = RateLimiting(
        _rate_limits(settings),
        now=now,
        storage_uri=f"{SCHEME}://",
        storage_options={"database": deployment.database, "clock": deployment.clock},
    )
    set_up_identity(
        app,
        IdentityServices(
            accounts=deployment.accounts,
            sessions=SqlSessions(deployment.database, clock=deployment.clock, lifetimes=lifetimes),
            lifetimes=lifetimes,
            passwords=Argon2Passwords(),
            resets=QueuedPasswordResets(_answering_resets(deployment).commands),
            audit_log=deployment.audit,
            now=now,
        ),
        rate_limiting=rate_limiting,
        cookie=SessionCookie(name=f"thicket-{settings.port}", secure=settings.behind_tls),
        home_of=home_of(deployment),
        declared_rules=_rules(settings),
    )
    _add_pages(app, deployment, rate_limiting)
    verify_every_route_has_a_rule(app)
    app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    return app


def _add_pages(app: Flask, deployment: Deployment, rate_limiting: RateLimiting) -> None:
    app.register_blueprint(
        health_blueprint(
            decisive=decisive_checks(deployment),
            reported=reported_checks(deployment),
            metrics=exposition,
            metrics_content_type=CONTENT_TYPE,
            metrics_token=deployment.settings.metrics_token,
        )
    )
    runtime = deployment.runtimes.get("customer_service")
    if runtime is not None:
        app.register_blueprint(
            customer_service_blueprint(
                commands=runtime.commands,
                queries=runtime.queries,
                links=deployment.links,
                followed=deployment.links,
                identifiers=deployment.identifiers,
                rate_limiting=rate_limiting,
            )
        )
    if deployment.settings.embedded:
        app.register_blueprint(styleguide_blueprint(deployment.clock.now))


def _answering_resets(deployment: Deployment) -> Runtime:
    """The runtime that mails links to whoever forgot a password."""
    return deployment.runtimes["backoffice"]


def _rules(settings: Settings) -> dict[str, Rule]:
    """Of views that belong to layers below, which know nothing of visitors."""
    rules = {"static_files.static_file": Rule.PUBLIC}
    if settings.embedded:
        rules |= {f"styleguide.{view}": Rule.PUBLIC for view in _STYLEGUIDE_VIEWS}
    return rules


def _rate_limits(settings: Settings) -> RateLimits:
    limits = settings.limits
    return RateLimits(
        sign_in_per_client=limits.sign_ins,
        sign_in_per_address=limits.sign_ins,
        report_per_client=limits.reports,
        report_per_recipient=limits.mails,
        resend_link_per_client=limits.links,
        resend_link_per_recipient=limits.mails,
    )
