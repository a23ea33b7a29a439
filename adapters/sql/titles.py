"""What spans say of a statement: its verb and its tables, never a value.

Names and attributes follow OpenTelemetry's conventions for databases. A title is made when a
statement is, or when a text is first met.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ports.outbound.telemetry import SpanValue

_MOST_TABLES = 3
_LONGEST_READ = 20_000

_LITERAL = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
# "FROM" and "UPDATE" that no table follows.
_OTHER_FROM = re.compile(
    r"\b(?:extract|substring|trim|overlay)\s*\([^()]*\)|\bDISTINCT\s+FROM\b"
    r"|\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b|\bDO\s+UPDATE\b",
    re.IGNORECASE,
)
_INNERMOST = re.compile(r"\([^()]*\)")
_VERB = re.compile(
    r"\b(SELECT|INSERT|UPDATE|DELETE|MERGE|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET|PRAGMA"
    r"|CREATE|DROP|ALTER|LOCK|NOTIFY|LISTEN|ANALYZE|VACUUM|TRUNCATE)\b",
    re.IGNORECASE,
)
# A name that a parenthesis follows is a function, but for the columns after INSERT INTO.
_TABLE = re.compile(
    r'\b(?:INTO\s+("[^"]+"|[\w.]+)|(?:FROM|JOIN|UPDATE)\s+(?:ONLY\s+)?("[^"]+"|[\w.]++)(?!\s*[(§]))',
    re.IGNORECASE,
)
_WITH = re.compile(
    r"(?:\bWITH\s+(?:RECURSIVE\s+)?|,\s*)(\w+)\s*(?:\([^()]*\)\s*)?AS\s*"
    r"(?:(?:NOT\s+)?MATERIALIZED\s*)?\(",
    re.IGNORECASE,
)
_NO_TABLES = {"lateral", "select", "set"}


@dataclass(frozen=True, slots=True)
class Title:
    name: str  # also the ``db.query.summary``: "INSERT runtime_event"
    attributes: Mapping[str, Mapping[str, SpanValue]]  # by system: "postgresql", "sqlite"

    @classmethod
    def of(cls, operation: str, tables: Sequence[str], *, summary: str = "") -> "Title":
        name = summary or " ".join([operation, *tables])
        attributes: dict[str, SpanValue] = {
            "db.operation.name": operation,
            "db.query.summary": name,
        }
        if len(tables) == 1:
            attributes["db.collection.name"] = tables[0]
        return cls(
            name=name,
            attributes={
                system: {"db.system.name": system, **attributes}
                for system in ("postgresql", "sqlite")
            },
        )


def title_of(summary: str) -> Title:
    """From "INSERT runtime_event". What ends in a parenthesis is a function, not a table."""
    operation, *targets = summary.split()
    tables = [target for target in targets if not target.endswith(")")]
    return Title.of(operation, tables, summary=summary)


@lru_cache(maxsize=1024)
def title_of_text(text: str) -> Title:
    """Read from a statement that somebody else wrote."""
    text = _OTHER_FROM.sub(" ", _LITERAL.sub("''", text[:_LONGEST_READ]))
    named_here = {name.lower() for name in _WITH.findall(text)} | _NO_TABLES
    outside = _without_parentheses(text)
    verb = _VERB.search(outside) or _VERB.search(text)
    found = [
        (into or other).strip('"')
        for part in (outside, text)  # the outermost first: theirs is the statement
        for into, other in _TABLE.findall(part)
    ]
    tables = [name for name in dict.fromkeys(found) if name.lower() not in named_here]
    return Title.of(verb[1].upper() if verb else "SQL", tables[:_MOST_TABLES])


def _without_parentheses(text: str) -> str:
    for _ in range(50):
        shorter = _INNERMOST.sub("§", text)  # no sign that a name may have
        if shorter == text:
            break
        text = shorter
    return text
