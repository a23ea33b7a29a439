"""What the text of a setting may be, besides URLs.

Every function answers the value or raises :class:`ValueError` with a sentence for the person who
typed the text.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from email.utils import parseaddr

from app.composition.settings import Network

_HOST_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - recognised, not used
_ONE_LIMIT = re.compile(r"[1-9][0-9]{0,8} per ([1-9][0-9]{0,3} )?(second|minute|hour|day)s?")
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def host(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        if _HOST_NAME.fullmatch(text) and not text.replace(".", "").isdecimal():
            return text
        raise ValueError("write an IP address or a host name, without a port") from None


def local_address(bind: str, port: int) -> str:
    """How a browser on this machine reaches a server bound like that."""
    name = "127.0.0.1" if bind in _EVERYWHERE else bind
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(item) for item in _items(text))
    except ValueError:
        raise ValueError(
            "write the addresses or networks of your proxies, such as 127.0.0.1, 10.0.0.0/8"
        ) from None


def some_of(names: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    def check(text: str) -> tuple[str, ...]:
        chosen = _items(text)
        if not chosen or not set(chosen) <= set(names):
            raise ValueError(f"write one or several of {', '.join(names)}, separated by commas")
        return tuple(name for name in names if name in chosen)

    return check


def secret(length: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) < length:
            raise ValueError(f"write at least {length} characters")
        return text

    return check


def secret_list(length: int) -> Callable[[str], tuple[str, ...]]:
    """Several secrets separated by commas, in the order given."""

    def check(text: str) -> tuple[str, ...]:
        secrets = _items(text)
        if not secrets or any(len(item) < length for item in secrets):
            raise ValueError(
                f"write at least {length} random characters; several keys separated by commas, "
                "newest first"
            )
        return secrets

    return check


def email_address(text: str) -> str:
    """With or without a display name."""
    _, address = parseaddr(text)
    name, at, domain = address.rpartition("@")
    if not (name and at and domain) or any(sign in text for sign in "\r\n") or " " in address:
        raise ValueError("write an e-mail address, such as support@example.org")
    return text


def pairs(text: str) -> Mapping[str, str]:
    split = [item.partition("=") for item in _items(text)]
    if not split or not all(key.strip() and value.strip() for key, _, value in split):
        raise ValueError("write name=value pairs, separated by commas")
    return {key.strip(): value.strip() for key, _, value in split}


def limit(text: str) -> str:
    limits = [item.strip() for item in text.split(";")]
    if not all(_ONE_LIMIT.fullmatch(item) for item in limits):
        raise ValueError("write a limit such as 10 per minute, several separated by semicolons")
    return "; ".join(limits)


def log_level(text: str) -> str:
    if text.upper() not in _LOG_LEVELS:
        raise ValueError(f"write one of {', '.join(_LOG_LEVELS)}")
    return text.upper()


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())
