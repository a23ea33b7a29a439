"""What must not be read in logs and spans, taken out of texts that others wrote."""

import re

# What follows these segments opens something to whoever holds it.
_SECRET_SEGMENT = re.compile(
    r"((?:/|%2F)(?:issues|invitation|password-reset)(?:/|%2F))[^/%\s?\"'\\]+", re.IGNORECASE
)
_SECRET_USERINFO = re.compile(r"(\w+://[^:/@\s]*:)[^@\s\"]+@")
_ADDRESS = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
# Databases and SQLAlchemy say which values they refused.
_DATABASE_VALUES = re.compile(r"^(DETAIL:|\[parameters:|Key \().*$", re.MULTILINE)


def scrubbed(text: str) -> str:
    """Without tokens and passwords in addresses of pages and servers."""
    text = _SECRET_SEGMENT.sub(r"\1***", text)
    return _SECRET_USERINFO.sub(r"\1***@", text)


def without_values(text: str) -> str:
    """An error's text also without e-mail addresses and the values of a refused statement."""
    text = _DATABASE_VALUES.sub(r"\1 ***", scrubbed(text))
    return _ADDRESS.sub("***", text)
