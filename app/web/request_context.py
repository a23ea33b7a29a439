"""The id by which a visitor, a log line and an error page mean the same request."""

import re
import secrets

from flask import Flask, Response, g, has_request_context, request

HEADER = "X-Request-Id"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{7,63}")


def set_up_request_ids(app: Flask, *, trust_inbound: bool = False) -> None:
    """Give every request an id and say it in the ``X-Request-Id`` response header.

    With ``trust_inbound`` a well-formed header of the request is kept. Only for servers behind a
    proxy that overwrites it: otherwise strangers choose the ids under which they are logged.
    """

    def begin() -> None:
        given = request.headers.get(HEADER, "") if trust_inbound else ""
        g.request_id = given if _ACCEPTABLE.fullmatch(given) else _new_id()

    def tell(response: Response) -> Response:
        response.headers[HEADER] = request_id()
        return response

    app.before_request(begin)
    app.after_request(tell)


def request_id() -> str:
    """The id of the current request, or an empty text outside of one.

    Never missing inside of one: errors may be raised before the hooks ran.
    """
    if not has_request_context():
        return ""
    if "request_id" not in g:
        g.request_id = _new_id()
    return str(g.request_id)


def _new_id() -> str:
    return secrets.token_hex(8)
