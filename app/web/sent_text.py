"""Text that visitors send is UTF-8, or refused before anybody reads it.

Werkzeug keeps what it cannot decode as percent signs or as a replacement sign, in addresses and
forms alike; that would be stored as if it had been typed.
"""

from urllib.parse import unquote_to_bytes

from flask import Flask, request
from werkzeug.exceptions import BadRequest

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_URL_ENCODED = "application/x-www-form-urlencoded"
_IN_PARTS = "multipart/form-data"
_REPLACED = "\N{REPLACEMENT CHARACTER}"


class TextIsUnreadable(BadRequest):
    """In the query of the address, or in a form."""


def set_up_sent_text(app: Flask) -> None:
    app.before_request(_refuse_what_is_no_text)


def _refuse_what_is_no_text() -> None:
    _verify(request.query_string)
    if request.method in _SAFE_METHODS:
        return
    if request.mimetype == _URL_ENCODED:
        _verify(request.get_data(cache=True))
    elif request.mimetype == _IN_PARTS and any(
        _REPLACED in text for field in request.form.items(multi=True) for text in field
    ):
        # Beside files there is no telling it from the sign itself, which nobody types.
        raise TextIsUnreadable


def _verify(encoded: bytes) -> None:
    try:
        unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError as error:
        raise TextIsUnreadable from error
