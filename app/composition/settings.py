"""Everything that can be set, as one value.

:func:`app.composition.environment.load_settings` reads it from ``THICKET_*`` variables; tests build
it directly. Nothing here opens, reads or makes anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from app.composition.addresses import is_redis, masked
from ports.errors import ThicketError

CONTEXTS = ("customer_service", "backoffice")

Network = IPv4Network | IPv6Network

_SECRET = {"secret": True}
_URL = {"url": True}


class Profile(StrEnum):
    EMBEDDED = "embedded"
    PRODUCTION = "production"


class WorkerPool(StrEnum):
    THREADS = "threads"
    PREFORK = "prefork"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class SettingsAreWrong(ThicketError):
    """All problems at once, so that one start shows everything to mend."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        if len(problems) == 1:
            super().__init__(f"wrong setting: {problems[0]}")
        else:
            lines = "".join(f"\n  - {problem}" for problem in problems)
            super().__init__(f"{len(problems)} wrong settings:{lines}")
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept that are no longer needed for the work itself."""

    mails: timedelta = timedelta(days=14)  # caught mails, embedded only
    spans: timedelta = timedelta(days=3)
    deliveries: timedelta = timedelta(days=30)  # done ones: a repeat later than this runs again
    deleted_failures: timedelta = timedelta(days=30)
    audit: timedelta = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How often one sender may do something, in the notation "number per unit", several of them
    separated by semicolons. Shared by all processes."""

    reports: str = "10 per minute; 60 per hour"  # new issues, per address of the sender
    links: str = "5 per minute; 20 per hour"  # new follow links, per address of the sender
    sign_ins: str = "10 per minute; 60 per hour"  # per address of the sender, and per account
    mails: str = "20 per hour"  # confirmations and links, per recipient
    request_bytes: int = 1_048_576
    request_time: timedelta = timedelta(seconds=20)  # from its first byte to its last


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """When what was handed to a person ends."""

    session: timedelta = timedelta(hours=12)
    idle_session: timedelta = timedelta(hours=2)
    invitation: timedelta = timedelta(days=3)
    password_reset: timedelta = timedelta(hours=1)
    follow_link: timedelta = timedelta(days=180)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Frozen and complete: every default is already filled in, every URL is in its final form."""

    profile: Profile
    data: Path  # absolute
    port: int
    bind: str
    public_url: str  # without a final slash
    trusted_proxies: tuple[Network, ...] = ()  # whose X-Forwarded-… headers are believed
    contexts: tuple[str, ...] = CONTEXTS  # those that this deployment runs

    database_url: str = field(metadata=_URL)  # the deployment's own store
    context_database_urls: Mapping[str, str] = field(default_factory=dict, metadata=_URL)
    monitoring_url: str = field(metadata=_URL)  # spans and caught mails
    broker_url: str = field(metadata=_URL)

    # Newest first: the first signs, every one is believed. Empty until one was made.
    secret_keys: tuple[str, ...] = field(default=(), metadata=_SECRET)
    operator_email: str = "operator@thicket.example"
    operator_password: str | None = field(default=None, metadata=_SECRET)  # first start only
    metrics_token: str | None = field(default=None, metadata=_SECRET)  # None: operators only

    smtp_url: str = field(metadata=_URL)  # the mail catcher's own when ``mail_catcher``
    mail_catcher: bool
    mail_from: str = "Thicket <support@thicket.example>"
    demo_fault: bool

    otlp_endpoint: str | None = field(default=None, metadata=_URL)
    otlp_headers: Mapping[str, str] = field(default_factory=dict, metadata=_SECRET)
    log_format: LogFormat = LogFormat.TEXT
    log_level: str = "INFO"

    web_processes: int = 1
    web_threads: int = 8
    worker_pool: WorkerPool = WorkerPool.THREADS
    worker_concurrency: int = 4
    # How long a stopping process may finish what it has begun, before it is killed.
    stop_limit: timedelta = timedelta(seconds=250)

    flower: bool = True
    flower_bind: str = "127.0.0.1"
    flower_url: str  # where people reach it; linked from the console
    flower_password: str | None = field(default=None, metadata=_SECRET)  # None until made

    retention: Retention = Retention()
    limits: Limits = Limits()
    lifetimes: Lifetimes = Lifetimes()

    # Every port that ``up`` opens follows from ``port``: two copies run on one machine.
    @property
    def flower_port(self) -> int:
        return self.port + 1

    @property
    def mail_catcher_port(self) -> int:
        return self.port + 2

    @property
    def embedded(self) -> bool:
        return self.profile is Profile.EMBEDDED

    @property
    def behind_tls(self) -> bool:
        """People reach the pages by https, so cookies must be Secure."""
        return self.public_url.startswith("https:")

    def database_url_of(self, context: str) -> str:
        return self.context_database_urls.get(context, self.database_url)

    @property
    def store_urls(self) -> tuple[str, ...]:
        """Each store once, the deployment's own first, then those of the contexts that run here."""
        urls = (self.database_url, *map(self.database_url_of, self.contexts))
        return tuple(dict.fromkeys(urls))

    @property
    def one_store(self) -> bool:
        """Whether every outcome of a message, whichever context it was for, is recorded in one
        store: the one that the message came from."""
        stores = {self.database_url_of(context) for context in CONTEXTS}
        return len(stores) == 1 and set(self.contexts) == set(CONTEXTS)

    @property
    def redis_broker(self) -> bool:
        return is_redis(self.broker_url)

    @property
    def run_folder(self) -> Path:
        """What belongs to the processes that run now; nothing in it outlives them usefully."""
        return self.data / "run"

    @property
    def secret_key_file(self) -> Path:
        return self.data / "secret-key"

    @property
    def flower_password_file(self) -> Path:
        return self.data / "flower-password"

    @property
    def operator_password_file(self) -> Path:
        return self.data / "operator-password"

    @property
    def metrics_folder(self) -> Path:
        """Where the processes of this deployment share what Prometheus reads."""
        return self.run_folder / "metrics"

    def __repr__(self) -> str:
        """Safe to print: secrets are three stars, URLs show no password."""
        shown = ", ".join(
            f"{item.name}={_shown(item.metadata, self, item.name)}" for item in fields(self)
        )
        return f"Settings({shown})"


def _shown(metadata: Mapping[str, object], settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if "secret" in metadata:
        return "***" if value else repr(value)
    if "url" in metadata and isinstance(value, Mapping):
        return repr({key: masked(url) for key, url in value.items()})
    if "url" in metadata and value is not None:
        return repr(masked(value))
    return repr(value)
