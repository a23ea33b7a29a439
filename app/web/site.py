"""Everything a page needs around it, switched on in the order that works."""

from collections.abc import Callable, Mapping
from datetime import datetime

from flask import Flask
from flask_wtf import CSRFProtect

from app.web.addresses import set_up_addresses
from app.web.errors import Answer, set_up_errors
from app.web.forms import set_up_forms
from app.web.navigation import Frame
from app.web.rendering import set_up_rendering
from app.web.request_context import set_up_request_ids
from app.web.security_headers import set_up_security_headers
from app.web.static_files import FOLDER, StaticFiles


def set_up_site(
    app: Flask,
    *,
    frame: Callable[[], Frame],
    now: Callable[[], datetime],
    answers: Mapping[type[Exception], Answer] | None = None,
    tls: bool = False,
    trust_request_ids: bool = False,
    source_root: str = "",
) -> CSRFProtect:
    """Prepare an application that was made with ``static_folder=None`` and has a ``SECRET_KEY``.

    Request ids come first, so that whatever fails later can be told apart; the other arguments are
    explained where they are used. Returns what :func:`app.web.forms.set_up_forms` returns.
    """
    set_up_request_ids(app, trust_inbound=trust_request_ids)
    set_up_security_headers(app, tls=tls)
    set_up_addresses(app)
    set_up_rendering(app, frame=frame, now=now, files=StaticFiles(FOLDER), source_root=source_root)
    set_up_errors(app, answers=answers)
    return set_up_forms(app)
