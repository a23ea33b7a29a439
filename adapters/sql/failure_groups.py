"""Which failures have one cause: the same endpoint, exception and reason, but for what varies."""

import re
from hashlib import sha256

LONGEST_LINE = 300  # characters of a reason in a list

# What varies between two failures with one cause: ids, numbers, quoted text, addresses.
_VARYING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|0x[0-9a-f]+|\b\d+(?:\.\d+)?\b|'[^']*'|\"[^\"]*\"|[^\s@]+@\S+",
    re.IGNORECASE,
)


def first_line(reason: str) -> str:
    return reason.partition("\n")[0][:LONGEST_LINE]


def masked(reason: str) -> str:
    """The first line with an ellipsis in place of each part that varies."""
    return _VARYING.sub("…", first_line(reason))


def signature(endpoint: str, exception: str, reason: str) -> str:
    """Short and of one length, so that an index can hold it whatever the texts are."""
    parts = "\0".join((endpoint, exception, masked(reason)))
    return sha256(parts.encode("utf-8", "replace")).hexdigest()[:24]
