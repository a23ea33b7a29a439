"""From ``THICKET_*`` variables to :class:`app.composition.settings.Settings`.

A variable ``THICKET_X`` can also be given as ``THICKET_X_FILE``, the path of a file that holds the
value: the way of container secrets. An empty variable counts as not set.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from app.composition import addresses, values
from app.composition.secret_files import kept_secret
from app.composition.settings import (
    CONTEXTS,
    Lifetimes,
    Limits,
    LogFormat,
    Profile,
    Retention,
    Settings,
    SettingsAreWrong,
    WorkerPool,
)
from app.composition.variables import PREFIX, Variables

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8000
SECRET_LENGTH = 32
_HIGHEST_PORT = 65_533  # two more follow it


def load_settings(*, data: Path | None = None, port: int | None = None) -> Settings:
    """The settings of this deployment, secrets included.

    ``data`` and ``port`` are what was typed and win over the environment. Secrets that live in the
    data folder are made there, once, when they are missing.

    Raises:
        SettingsAreWrong: naming every problem.
    """
    return with_kept_secrets(read_settings(data=data, port=port))


def read_settings(*, data: Path | None = None, port: int | None = None) -> Settings:
    """Like :func:`load_settings`, but reads variables only and makes nothing.

    Raises:
        SettingsAreWrong: naming every problem.
    """
    variables = Variables()
    settings = _settings(variables, data=data, port=port)
    variables.note_misspelt()
    problems = variables.problems or _contradictions(settings)
    if problems:
        raise SettingsAreWrong(tuple(problems))
    return settings


def setting_names() -> frozenset[str]:
    """Every variable that is read, ``THICKET_`` included."""
    variables = Variables()
    _settings(variables, data=None, port=None)
    return variables.asked_for


def with_kept_secrets(settings: Settings) -> Settings:
    if not settings.secret_keys and settings.embedded:
        key = kept_secret(settings.secret_key_file, length=SECRET_LENGTH)
        settings = replace(settings, secret_keys=(key,))
    if settings.flower and settings.flower_password is None:
        password = kept_secret(settings.flower_password_file, length=24)
        settings = replace(settings, flower_password=password)
    return settings


def _settings(variables: Variables, *, data: Path | None, port: int | None) -> Settings:
    """After a problem its default stands in, so that reading goes on; the result is thrown away."""
    profile = variables.choice("PROFILE", Profile.EMBEDDED)
    production = profile is Profile.PRODUCTION
    asked_folder = variables.text("DATA", ROOT / "data", Path)
    folder = (data or asked_folder).expanduser().absolute()
    asked_port = variables.number("PORT", DEFAULT_PORT, low=1, high=_HIGHEST_PORT)
    number = asked_port if port is None else port
    bind = variables.text("BIND", "127.0.0.1", values.host)
    flower_bind = variables.text("FLOWER_BIND", "127.0.0.1", values.host)
    if production:
        variables.require("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "PUBLIC_URL")
    own_store = f"sqlite:///{folder / 'thicket.db'}"
    store = variables.text("DATABASE_URL", own_store, addresses.database_url)
    own_broker = f"sqlbroker+sqlite:///{folder / 'broker.db'}"
    # Spans are many and worth little: they must not compete for the only writer of a SQLite file.
    own_monitoring = f"sqlite:///{folder / 'monitoring.db'}"
    smtp = variables.text("SMTP_URL", None, addresses.smtp_url)
    return Settings(
        profile=profile,
        data=folder,
        port=number,
        bind=bind,
        public_url=variables.text(
            "PUBLIC_URL", values.local_address(bind, number), addresses.http_url
        ),
        trusted_proxies=variables.text("TRUSTED_PROXIES", (), values.networks),
        contexts=variables.text("CONTEXTS", CONTEXTS, values.some_of(CONTEXTS)),
        database_url=store,
        context_database_urls=_context_urls(variables),
        monitoring_url=variables.text(
            "MONITORING_DATABASE_URL",
            own_monitoring if addresses.sqlite_file(store) else store,
            addresses.database_url,
        ),
        broker_url=variables.text("BROKER_URL", own_broker, addresses.broker_url),
        secret_keys=variables.text("SECRET_KEY", (), values.secret_list(SECRET_LENGTH)),
        operator_email=variables.text(
            "OPERATOR_EMAIL", "operator@thicket.example", values.email_address
        ),
        operator_password=variables.text("OPERATOR_PASSWORD", None, values.secret(12)),
        metrics_token=variables.text("METRICS_TOKEN", None, values.secret(SECRET_LENGTH)),
        smtp_url=smtp or f"smtp://127.0.0.1:{number + 2}",
        mail_catcher=smtp is None,
        mail_from=variables.text(
            "MAIL_FROM", "Thicket <support@thicket.example>", values.email_address
        ),
        demo_fault=variables.yes_or_no("DEMO_FAULT", not production),
        otlp_endpoint=variables.text("OTLP_ENDPOINT", None, addresses.http_url),
        otlp_headers=variables.text("OTLP_HEADERS", {}, values.pairs),
        log_format=variables.choice("LOG_FORMAT", LogFormat.JSON if production else LogFormat.TEXT),
        log_level=variables.text("LOG_LEVEL", "INFO", values.log_level),
        web_processes=variables.number("WEB_PROCESSES", 1, low=1, high=64),
        web_threads=variables.number("WEB_THREADS", 8, low=1, high=64),
        worker_pool=variables.choice("WORKER_POOL", WorkerPool.THREADS),
        worker_concurrency=variables.number("WORKER_CONCURRENCY", 4, low=1, high=64),
        stop_limit=variables.duration("STOP_LIMIT", timedelta(seconds=250)),
        flower=variables.yes_or_no("FLOWER", True),
        flower_bind=flower_bind,
        flower_url=variables.text(
            "FLOWER_URL", values.local_address(flower_bind, number + 1), addresses.http_url
        ),
        flower_password=variables.text("FLOWER_PASSWORD", None, values.secret(12)),
        retention=_retention(variables),
        limits=_limits(variables),
        lifetimes=_lifetimes(variables),
    )


def _context_urls(variables: Variables) -> dict[str, str]:
    names = {context: f"{context.upper()}_DATABASE_URL" for context in CONTEXTS}
    urls = {
        context: variables.text(name, None, addresses.database_url)
        for context, name in names.items()
    }
    return {context: url for context, url in urls.items() if url is not None}


def _retention(variables: Variables) -> Retention:
    default = Retention()
    return Retention(
        mails=variables.duration("KEEP_MAILS", default.mails),
        spans=variables.duration("KEEP_SPANS", default.spans),
        deliveries=variables.duration("KEEP_DELIVERIES", default.deliveries),
        deleted_failures=variables.duration("KEEP_DELETED_FAILURES", default.deleted_failures),
        audit=variables.duration("KEEP_AUDIT", default.audit),
    )


def _limits(variables: Variables) -> Limits:
    default = Limits()
    return Limits(
        reports=variables.text("LIMIT_REPORTS", default.reports, values.limit),
        links=variables.text("LIMIT_LINKS", default.links, values.limit),
        sign_ins=variables.text("LIMIT_SIGN_INS", default.sign_ins, values.limit),
        mails=variables.text("LIMIT_MAILS", default.mails, values.limit),
        request_bytes=variables.number(
            "LIMIT_REQUEST_BYTES", default.request_bytes, low=4096, high=2**30
        ),
        request_time=variables.duration("LIMIT_REQUEST_TIME", default.request_time),
    )


def _lifetimes(variables: Variables) -> Lifetimes:
    default = Lifetimes()
    return Lifetimes(
        session=variables.duration("SESSION_LIFETIME", default.session),
        idle_session=variables.duration("IDLE_SESSION_LIFETIME", default.idle_session),
        invitation=variables.duration("INVITATION_LIFETIME", default.invitation),
        password_reset=variables.duration("PASSWORD_RESET_LIFETIME", default.password_reset),
        follow_link=variables.duration("FOLLOW_LINK_LIFETIME", default.follow_link),
    )


def _contradictions(settings: Settings) -> list[str]:
    """What is right by itself and wrong together."""
    found = []
    if settings.redis_broker and len(settings.store_urls) > 1:
        found.append(
            f"{PREFIX}BROKER_URL: Redis confirms nothing, so one store must keep what was sent: "
            "use RabbitMQ, or the same database for every context"
        )
    on_file = any(addresses.sqlite_file(url) for url in (*settings.store_urls, settings.broker_url))
    if on_file and settings.worker_pool is WorkerPool.PREFORK:
        found.append(f"{PREFIX}WORKER_POOL: SQLite files need the pool 'threads'")
    return found
