"""URLs in settings: checked, brought to one form, and shown without their passwords.

Every function raises :class:`ValueError` with a sentence for the person who typed the URL; the
sentence never repeats a password.
"""

import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

SQLITE = "sqlite"
_POSTGRESQL = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_SQL_BROKER = "sqlbroker+"
_AMQP = ("amqp", "amqps")
_REDIS = ("redis", "rediss")
_SMTP = ("smtp", "smtps")
_HTTP = ("http", "https")


def database_url(text: str) -> str:
    """A URL for SQLAlchemy: ``sqlite:////file`` or ``postgresql+psycopg://``."""
    parts = _split(text)
    if parts.scheme == SQLITE:
        return _sqlite_url(text)
    if parts.scheme not in _POSTGRESQL:
        raise ValueError(
            f"{masked(text)} is no database that can be used; write postgresql://… or sqlite:///…"
        )
    if not parts.hostname and "host=" not in parts.query:
        raise ValueError(f"{masked(text)} names no host")
    if not parts.path.strip("/"):
        raise ValueError(f"{masked(text)} names no database")
    return _with_scheme(text, _POSTGRESQL[parts.scheme])


def broker_url(text: str) -> str:
    parts = _split(text)
    if parts.scheme.startswith(_SQL_BROKER):
        url = database_url(text.removeprefix(_SQL_BROKER))
        return f"{_SQL_BROKER}{url.replace('postgresql+psycopg:', 'postgresql:', 1)}"
    if parts.scheme not in (*_AMQP, *_REDIS):
        raise ValueError(
            f"{masked(text)} is no broker that can be used; write amqp://…, redis://…, "
            "sqlbroker+postgresql://… or sqlbroker+sqlite:///…"
        )
    if not parts.hostname:
        raise ValueError(f"{masked(text)} names no host")
    return text


def smtp_url(text: str) -> str:
    return _server_url(text, _SMTP, "mail server", "smtp://host:25 or smtps://host:465")


def http_url(text: str) -> str:
    return _server_url(text, _HTTP, "address", "https://host").rstrip("/")


def masked(url: str) -> str:
    """The URL as it may be printed: a password in it is replaced by three stars.

    A password may hold unescaped slashes, at signs and colons, so everything up to the last at sign
    goes.
    """
    hidden = re.sub(r"(://[^:@/]*:).*@", r"\1***@", url)
    return re.sub(r"((?:^|[?&])password=)[^&]*", r"\1***", hidden)


def sqlite_file(url: str) -> Path | None:
    """The file behind a SQLite database or broker; None for a server."""
    text = url.removeprefix(_SQL_BROKER)
    return Path(text.removeprefix("sqlite:///")) if text.startswith("sqlite:///") else None


def is_redis(broker: str) -> bool:
    return broker.split("://", 1)[0] in _REDIS


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port  # parsed only when asked for
    except ValueError:
        # The parser's own words may repeat a piece of a password.
        raise ValueError(
            f"{masked(text)} is no valid URL; write special characters of a password as %XX"
        ) from None
    if not parts.scheme or "://" not in text:
        raise ValueError("write it as a URL: scheme://…")
    return parts


def _server_url(text: str, schemes: tuple[str, ...], what: str, example: str) -> str:
    parts = _split(text)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"{masked(text)} is no {what} that can be used; write {example}")
    return text


def _sqlite_url(text: str) -> str:
    file = text.removeprefix("sqlite:///")
    if file == text or not file or file == ":memory:":
        raise ValueError("several processes share the database: name a file, sqlite:////path/to.db")
    return f"sqlite:///{Path(file).absolute()}"


def _with_scheme(text: str, scheme: str) -> str:
    return urlunsplit(urlsplit(text)._replace(scheme=scheme))
