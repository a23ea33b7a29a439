"""Finding words anywhere in text, whatever the case."""

import sqlalchemy as sa

_MOST_WORDS = 6
_LONGEST_WORD = 60


def searchable(*texts: str) -> str:
    """What is stored to be searched."""
    return "\n".join(texts).casefold()


def words_of(search: str) -> list[str]:
    """What was typed, in the words that count: at most six."""
    words = search.casefold().replace("\x00", " ").split()[:_MOST_WORDS]
    return [word[:_LONGEST_WORD] for word in words]


def has_word(column: sa.ColumnElement[str], word: str) -> sa.ColumnElement[bool]:
    return column.contains(word, autoescape=True)


def found_in(column: sa.ColumnElement[str], search: str) -> list[sa.ColumnElement[bool]]:
    """One condition for each word of what was typed."""
    return [has_word(column, word) for word in words_of(search)]
