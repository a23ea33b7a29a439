"""How people write the numbers of issues and tickets.

Two series that grow side by side: a bare 1007 could be either. Customers see numbers of issues
only, the desk sees both.
"""

LARGEST_NUMBER = 999_999_999  # a longer row of digits that somebody types is a telephone number

_ISSUE = "#"
_TICKET = "T-"


def issue_label(number: int) -> str:
    """``#1007``"""
    return f"{_ISSUE}{number}"


def ticket_label(number: int) -> str:
    """``T-1008``"""
    return f"{_TICKET}{number}"


def issue_number_in(text: str) -> int | None:
    """The number in ``#1007`` or ``1007``, or None."""
    return _number(text.removeprefix(_ISSUE))


def ticket_number_in(text: str) -> int | None:
    """The number in ``T-1008``, ``t-1008`` or ``1008``, or None."""
    marked = text[: len(_TICKET)].upper() == _TICKET
    return _number(text[len(_TICKET) :] if marked else text)


def _number(digits: str) -> int | None:
    # No number of ours begins with a zero, and other alphabets have digits too.
    if not (digits.isascii() and digits.isdigit()) or digits.startswith("0"):
        return None
    return int(digits) if len(digits) <= len(str(LARGEST_NUMBER)) else None
