"""The Flask application, put together."""

from collections.abc import Callable
from datetime import datetime

from flask import Flask

from adapters.backoffice.sign_in_addresses import AccountAddresses
from adapters.passwords.argon2_passwords import Argon2Passwords
from adapters.sql.rate_limits import SCHEME
from adapters.telemetry.prometheus import CONTENT_TYPE, exposition
from app.backoffice.blueprint import backoffice_blueprint
from app.backoffice.lists_progress import ListsProgress
from app.composition.celery_processes import FLOWER_USER
from app.composition.deployment import Deployment, build_deployment, context_of_accounts
from app.composition.environment import ROOT
from app.composition.health import decisive_checks, reported_checks
from app.composition.heartbeats import HEART, heart_of
from app.composition.navigation import frame_of, home_of
from app.composition.recognising import known_broker
from app.composition.refusals import ANSWERS
from app.composition.settings import Settings
from app.customer_service.pages import customer_service_blueprint
from app.identity.access import Rule, verify_every_route_has_a_rule
from app.identity.auditing import Auditing
from app.identity.blueprint import IdentityServices, set_up_identity
from app.identity.client_addresses import TrustedProxies
from app.identity.password_resets import QueuedPasswordResets
from app.identity.rate_limits import RateLimiting, RateLimits
from app.identity.sessions import SessionCookie
from app.mailbox.blueprint import mailbox_blueprint
from app.messaging.runtime import Runtime
from app.operations.blueprint import operations_blueprint
from app.operations.console import Console, FlowerLink
from app.operations.health import health_blueprint
from app.web.fragments import is_poll
from app.web.request_spans import set_up_request_spans
from app.web.site import set_up_site
from app.web.styleguide import styleguide_blueprint
from ports.outbound.passwords import Passwords

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
    return create_app_of(build_deployment(settings), passwords=Argon2Passwords())


def create_app_of(deployment: Deployment, *, passwords: Passwords) -> Flask:
    settings, now = deployment.settings, deployment.clock.now
    app = Flask("thicket", static_folder=None, root_path=str(ROOT / "app" / "web"))
    app.config.update(
        SECRET_KEY=settings.secret_keys[0],
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        # Form tokens: itsdangerous signs with the last key and believes them all.
        WTF_CSRF_SECRET_KEY=list(reversed(settings.secret_keys)),
        MAX_CONTENT_LENGTH=settings.limits.request_bytes,
        MAX_FORM_MEMORY_SIZE=settings.limits.request_bytes,
    )
    set_up_request_spans(
        app,
        tracer=deployment.telemetry.tracer("web"),
        metrics=deployment.metrics,
        polls=is_poll,
    )
    set_up_site(
        app,
        frame=frame_of(deployment),
        now=now,
        answers=ANSWERS,
        tls=settings.behind_tls,
        source_root=str(ROOT),
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
            sessions=deployment.sessions,
            lifetimes=deployment.session_lifetimes,
            passwords=passwords,
            resets=QueuedPasswordResets(
                deployment.runtimes[context_of_accounts(settings)].commands
            ),
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
                now=deployment.clock.now,
            )
        )
    runtime = deployment.runtimes.get("backoffice")
    if runtime is not None:
        app.register_blueprint(
            backoffice_blueprint(
                commands=runtime.commands,
                queries=runtime.queries,
                identifiers=deployment.identifiers,
                sign_in_addresses=AccountAddresses(deployment.accounts),
                transactions=runtime.transactions,
                auditing=Auditing(deployment.audit, now=deployment.clock.now),
                now=deployment.clock.now,
                lists_progress=_lists_progress(deployment, runtime),
            )
        )
    app.register_blueprint(operations_blueprint(_console(deployment)))
    app.extensions[HEART] = heart_of(deployment, "web")
    if deployment.settings.mail_catcher:
        app.register_blueprint(
            mailbox_blueprint(
                mails=deployment.caught_mails,
                audit_log=deployment.audit,
                now=deployment.clock.now,
                demo_fault=deployment.settings.demo_fault,
            )
        )
    if deployment.settings.embedded:
        app.register_blueprint(styleguide_blueprint(deployment.clock.now))


def _console(deployment: Deployment) -> Console:
    settings = deployment.settings
    return Console(
        runtimes=deployment.runtimes,
        views=deployment.operations,
        bulk=deployment.bulk,
        jobs=deployment.jobs,
        heartbeats=deployment.heartbeats,
        traces=deployment.traces,
        audit_log=deployment.audit,
        identifiers=deployment.identifiers,
        now=deployment.clock.now,
        demo_fault=settings.demo_fault,
        flower=FlowerLink(
            url=settings.flower_url,
            hint=f"Sign in there as {FLOWER_USER}; the password is in "
            f"{settings.flower_password_file.name} in the data folder, or the one that was set.",
        )
        if settings.flower
        else None,
        broker_lost_at=_broker_lost_at(deployment),
    )


def _broker_lost_at(deployment: Deployment) -> Callable[[], datetime | None]:
    known = known_broker(deployment.settings, deployment.database)
    if known is None or deployment.settings.one_store:
        return lambda: None
    return known.lost_at


def _lists_progress(deployment: Deployment, runtime: Runtime) -> Callable[[], ListsProgress]:
    operations = deployment.operations[runtime.context]
    streams = [(projection.name, projection.streams) for projection in runtime.projections.all]

    def progress() -> ListsProgress:
        states = operations.projections(streams)
        return ListsProgress(
            behind=max((state.lag for state in states), default=0),
            read=tuple((state.position, state.advanced_at) for state in states),
        )

    return progress


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
        resend_link_per_client=limits.links,
        mail_per_recipient=limits.mails,
    )
