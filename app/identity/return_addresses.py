"""Addresses to go back to, which arrive from outside and may lead anywhere."""

from urllib.parse import urlsplit

from flask import request
from werkzeug.urls import iri_to_uri

_LONGEST = 1500
# Browsers drop tabs and line ends from addresses and read a backslash as a slash, so that an
# innocent look may hide the address of another host.
_VISIBLE_ASCII = range(0x21, 0x7F)


def safe_return_address(address: str | None, *, host: str = "") -> str | None:
    """The address when it is a path on this host, else None.

    With ``host`` an absolute address of that very host is accepted too, and cut to its path.
    """
    if not address or len(address) > _LONGEST:
        return None
    if "\\" in address or any(ord(character) not in _VISIBLE_ASCII for character in address):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if host and parts.scheme in ("http", "https") and parts.netloc == host:
        address = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    elif parts.scheme or parts.netloc:
        return None
    if not address.startswith("/") or address.startswith("//"):
        return None
    return address


def address_of_request() -> str | None:
    """Where the visitor wanted to go, if it is fit to be returned to."""
    address = request.full_path if request.query_string else request.path
    return safe_return_address(iri_to_uri(address))
