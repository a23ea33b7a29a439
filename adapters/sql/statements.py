"""SQL text, written once and compiled once for each database.

A text names its parameters (``:stream``) and says how the store's clock is asked (``{now}``, or
``{now + :seconds}``); ``= ANY(:names)`` takes a list. Parameters and columns have a
:class:`Kind`, from which the executors know how a value travels.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from adapters.sql.titles import Title, title_of

_PARAMETER = re.compile(r"(?<![:\w]):(\w+)")
_ONE_OF = re.compile(r"= ANY\(:(\w+)\)")
_LATER = re.compile(r"\{now \+ :(\w+)\}")

_POSTGRESQL_NOW = "statement_timestamp()"
# Milliseconds padded to the width of every other timestamp in the file.
_SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


class Kind(Enum):
    TEXT = "text"
    INT = "int8"
    FLOAT = "float8"
    BOOL = "bool"
    BYTES = "bytea"
    TIME = "timestamptz"
    TEXTS = "text[]"
    INTS = "int8[]"
    BOOLS = "bool[]"
    BYTESES = "bytea[]"
    TIMES = "timestamptz[]"
    READY = "unknown"  # bytes in PostgreSQL's text format, made by the caller


ARRAY_OF = {
    Kind.TEXT: Kind.TEXTS,
    Kind.INT: Kind.INTS,
    Kind.BOOL: Kind.BOOLS,
    Kind.BYTES: Kind.BYTESES,
    Kind.TIME: Kind.TIMES,
}


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """Values are given in the order of ``parameters``, rows come in the order of ``columns``."""

    title: Title
    postgresql: str  # with $1, $2, ...
    sqlite: str  # with ?, ?, ...: up to Python 3.12.3 every numbered mark costs a warning
    sqlite_order: tuple[int, ...]  # for each mark the place of its value among ``parameters``
    parameters: tuple[Kind, ...]
    columns: tuple[Kind, ...]
    name: bytes  # of the prepared statement: the same name means the same text everywhere


def statement(
    title: str,
    text: str,
    *,
    parameters: Mapping[str, Kind],
    columns: Sequence[Kind] = (),
    sqlite: str | None = None,
) -> Statement:
    """``title`` is for spans, verb and tables: "INSERT runtime_event". ``sqlite`` replaces the text
    where the two databases differ too much."""
    places = {name: place for place, name in enumerate(parameters)}
    for_sqlite = _for_sqlite(sqlite or text)
    postgresql = _LATER.sub(rf"{_POSTGRESQL_NOW} + make_interval(secs => :\1)", text)
    postgresql = postgresql.replace("{now}", _POSTGRESQL_NOW)
    postgresql = _PARAMETER.sub(lambda match: f"${places[match[1]] + 1}", postgresql)
    return Statement(
        title=title_of(title),
        postgresql=postgresql,
        sqlite=_PARAMETER.sub("?", for_sqlite),
        sqlite_order=tuple(places[name] for name in _PARAMETER.findall(for_sqlite)),
        parameters=tuple(parameters.values()),
        columns=tuple(columns),
        name=prepared_name(postgresql),
    )


def prepared_name(text: str) -> bytes:
    digest = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    return f"thicket_{digest}".encode()


def _for_sqlite(text: str) -> str:
    later = r"strftime('%Y-%m-%d %H:%M:%f000', 'now', printf('%+.3f seconds', :\1))"
    text = _ONE_OF.sub(r"IN (SELECT value FROM json_each(:\1))", text)
    return _LATER.sub(later, text).replace("{now}", _SQLITE_NOW)
