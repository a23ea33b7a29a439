"""Text that people typed, brought into one form before it is compared or kept."""

import re
import unicodedata
from uuid import UUID

# NUL and lone surrogates cannot be stored; the other control characters can only deceive. So can
# the two that force a direction (gpj.exe reads as exe.jpg); right-to-left text needs neither.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")

# Letters and symbols without ink: fillers of Hangul and the empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def one_line(text: str) -> str:
    """Without control characters, every run of white space one space, none at the ends."""
    return _seen(" ".join(_printable(" ".join(text.split())).split()))


def many_lines(text: str) -> str:
    """Lines end in a line feed; no control characters but tabs; no blank lines at the ends and no
    spaces at the ends of lines."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = (line.rstrip() for line in _printable(unified).split("\n"))
    return _seen("\n".join(lines).strip("\n"))


def _seen(text: str) -> str:
    """Nothing at all where nothing of it could be seen."""
    if any(
        character not in _BLANK and unicodedata.category(character)[0] not in "CZM"
        for character in text
    ):
        return text
    return ""


def is_uuid_text(text: str) -> bool:
    """Whether it is a UUID in the one form in which identifiers are written."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _printable(text: str) -> str:
    return unicodedata.normalize("NFC", _UNPRINTABLE.sub("", text))
