"""Finding words anywhere in text, whatever the case."""

import sqlalchemy as sa

_MOST_WORDS = 6
_LONGEST_WORD = 60


def searchable(*texts: str) -> str:
    """What is stored to be searched."""
    return "\n".join(texts).casefold()


def found_in(column: sa.ColumnElement[str], search: str) -> list[sa.ColumnElement[bool]]:
    """One condition for each word of what was typed; at most six words count."""
    words = search.casefold().replace("\x00", " ").split()[:_MOST_WORDS]
    return [column.contains(word[:_LONGEST_WORD], autoescape=True) for word in words]
