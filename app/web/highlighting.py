"""JSON in colours, drawn on the server with class names that both themes know."""

import json
from typing import Any

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import JsonLexer

# Beyond this a page would hang in the browser; whoever needs the rest downloads it.
LIMIT_CHARACTERS = 100_000

_LEXER = JsonLexer()
_FORMATTER = HtmlFormatter(nowrap=True)


def json_text(value: Any) -> str:
    """The value indented; bytes and text are read as JSON first and kept as they are if they are
    not.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def highlighted_json(value: Any) -> Markup:
    """The value as coloured HTML, cut after ``LIMIT_CHARACTERS``; other text stays plain."""
    text = json_text(value)
    shown = text[:LIMIT_CHARACTERS]
    if not shown.lstrip().startswith(("{", "[", '"')):
        return escape(shown)
    # Pygments escapes what it colours, so its output may be trusted.
    return Markup(highlight(shown, _LEXER, _FORMATTER))  # noqa: S704


def characters_cut_off(value: Any) -> int:
    """How much of the value :func:`highlighted_json` leaves out."""
    return max(0, len(json_text(value)) - LIMIT_CHARACTERS)
