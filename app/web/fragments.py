"""Parts of pages that ask for themselves again and again.

A live region polls its own route (``hx-trigger="tick from:body"``). Most polls find nothing new,
so the route first computes something cheap that changes whenever the region does and draws only
then.
"""

import hashlib
from collections.abc import Callable, Sequence

from flask import Response, request


def is_fragment_request() -> bool:
    """Tell whether htmx asks for a part of a page rather than a browser for a whole one."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers


def is_poll() -> bool:
    """Tell whether a live page asks, as it does every few seconds, whether there is news."""
    return request.method == "GET" and is_fragment_request()


def live_region(version: Sequence[object], draw: Callable[[], str]) -> Response:
    """Answer a poll: 304 from ``version`` alone, else 200 with ``draw()`` and the new tag.

    ``version`` holds everything the drawing depends on besides the address: positions, counts,
    times of the newest change, and who is looking where that matters. ``draw`` runs only when the
    tag differs. The browser keeps nothing on disk; ``thicket.js`` sends the tag of what it shows.
    """
    tag = _tag(version)
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
    else:
        response = Response(draw(), mimetype="text/html")
    response.set_etag(tag)
    return response


def _tag(version: Sequence[object]) -> str:
    parts = [request.full_path, *(repr(part) for part in version)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
