"""Finding words anywhere in text, whatever the case."""

import unicodedata

import sqlalchemy as sa

_MOST_WORDS = 6
_LONGEST_WORD = 60
_AROUND = ".,;:!?()[]{}<>\"'"


def searchable(*texts: str) -> str:
    """What is stored to be searched."""
    return _plain("\n".join(texts))


def words_of(search: str) -> list[str]:
    """What was typed, in the words that count: at most six."""
    # Typed in full width, or copied with the brackets and commas around it.
    words = [word.strip(_AROUND) or word for word in _plain(search.replace("\x00", " ")).split()]
    return [word[:_LONGEST_WORD] for word in words[:_MOST_WORDS]]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def has_word(column: sa.ColumnElement[str], word: str) -> sa.ColumnElement[bool]:
    return column.contains(word, autoescape=True)


def found_in(column: sa.ColumnElement[str], search: str) -> list[sa.ColumnElement[bool]]:
    """One condition for each word of what was typed."""
    return [has_word(column, word) for word in words_of(search)]
