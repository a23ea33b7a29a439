"""What a visitor sees when something went wrong: a page, a fragment or a problem document.

Texts say what to do next and never what happened inside; the request id leads there.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Flask, Response, current_app, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.web.fragments import is_fragment_request
from app.web.request_context import request_id
from app.web.request_spans import fail_request_span
from app.web.sent_text import TextIsUnreadable

logger = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__answers_json__"

# Headers of the refusal that clients act upon; all others belong to the page we draw instead.
_KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one kind of refusal is put. Without an explanation the exception's own text is shown,
    which therefore must be meant for people."""

    status: int
    title: str
    explanation: str | None = None


_ANSWERS: Mapping[int, Answer] = {
    answer.status: answer
    for answer in (
        Answer(
            status=400,
            title="That request was not understood",
            explanation="Go back, check what you entered, and try again.",
        ),
        Answer(
            status=401,
            title="Please sign in",
            explanation="This page is for people who are signed in.",
        ),
        Answer(
            status=403,
            title="You may not do this",
            explanation="Your account does not have the right to see or change this. "
            "If it should, ask an operator.",
        ),
        Answer(
            status=404,
            title="Nothing here",
            explanation="The address is wrong, or what was here is gone. "
            "A link from a mail may also have expired.",
        ),
        Answer(
            status=405,
            title="Not like this",
            explanation="This address does not take that kind of request. "
            "Go back and use the button on the page.",
        ),
        Answer(
            status=410,
            title="This link has expired",
            explanation="Ask for a new one; the old one opens nothing any more.",
        ),
        Answer(
            status=413,
            title="That is too large",
            explanation="What you sent is larger than this page accepts.",
        ),
        Answer(
            status=429,
            title="Too many requests",
            explanation="Please wait a minute, then try again. Nothing was lost or changed.",
        ),
        Answer(
            status=500,
            title="Something broke on our side",
            explanation="It was recorded. Try again in a moment; if it keeps happening, "
            "tell us the request id below.",
        ),
        Answer(
            status=503,
            title="Not available right now",
            explanation="A part that this page needs is being restarted or cannot be reached. "
            "Try again in a moment.",
        ),
    )
}
_EXPIRED_FORM = Answer(
    status=400,
    title="This form is no longer valid",
    explanation="You signed in or out since it was opened, or cookies are blocked. Go back, "
    "reload the page and send it again.",
)
_UNREADABLE = Answer(
    status=400,
    title="This text cannot be read",
    explanation="What was sent holds characters that are not in UTF-8, so nothing was done with "
    "it. Go back, type the text anew, and send it again.",
)


def set_up_errors(app: Flask, *, answers: Mapping[type[Exception], Answer] | None = None) -> None:
    """Draw every error in the site's look.

    ``answers`` says how refusals of the core are put, by exception type; subclasses follow their
    base. Whatever is not listed there and is no HTTP error is a fault of ours: recorded, and
    answered with 500.
    """

    def refused(error: HTTPException) -> Response | HTTPException:
        if error.response is not None or error.code is None or error.code < 400:
            return error
        if isinstance(error, CSRFError):
            answer = _EXPIRED_FORM
        elif isinstance(error, TextIsUnreadable):
            answer = _UNREADABLE
        else:
            answer = _ANSWERS.get(error.code) or _unlisted(error.code)
        if answer.status >= 500:
            _record(answer)
        response = _draw(answer, answer.explanation or "")
        for name, value in error.get_headers():
            if name in _KEPT_HEADERS:
                response.headers[name] = value
        if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            response.headers["Connection"] = "close"  # the rest of it is not read
        return response

    app.register_error_handler(HTTPException, refused)
    for kind, answer in (answers or {}).items():
        app.register_error_handler(kind, _teller(answer))


def _teller(answer: Answer) -> Callable[[Exception], Response]:
    def tell(error: Exception) -> Response:
        if answer.status >= 500:
            _record(answer, error=type(error).__name__, reason=str(error))
            fail_request_span(error)
        return _draw(answer, answer.explanation or str(error))

    return tell


def _record(answer: Answer, **facts: str) -> None:
    known = {"request_id": request_id(), "path": request.path, "status": answer.status}
    logger.error("request failed", extra=known | facts)


def _unlisted(status: int) -> Answer:
    fallback = _ANSWERS[500] if status >= 500 else _ANSWERS[400]
    return Answer(status=status, title=HTTPStatus(status).phrase, explanation=fallback.explanation)


def answers_json(view: F) -> F:
    """Mark a view that programs ask: without a preference of theirs, its errors are documents."""
    setattr(view, _ATTRIBUTE, True)
    return view


def wants_document() -> bool:
    """Tell whether a program asks, which wants problem documents, rather than a browser."""
    accepted = request.accept_mimetypes
    json = max(accepted["application/json"], accepted["application/problem+json"])
    if json == accepted["text/html"]:
        view = current_app.view_functions.get(request.endpoint or "")
        return hasattr(view, _ATTRIBUTE)
    return bool(json > accepted["text/html"])


def _draw(answer: Answer, explanation: str) -> Response:
    if wants_document():
        response = jsonify(
            type="about:blank",
            title=answer.title,
            status=answer.status,
            detail=explanation,
            request_id=request_id(),
        )
        response.mimetype = "application/problem+json"
    else:
        response = Response(_html(answer, explanation), mimetype="text/html")
    response.status_code = answer.status
    return response


def _html(answer: Answer, explanation: str) -> str:
    facts = {"answer": answer, "explanation": explanation, "request_id": request_id()}
    if is_fragment_request():
        return render_template("error_fragment.html", **facts)
    # After a fault of ours the data behind navigation and user may be out of reach as well.
    if answer.status < 500:
        # Any failure in here would hide the error that is being told.
        try:
            return render_template("error.html", bare=False, **facts)
        except Exception:
            logger.exception("the frame around an error page could not be drawn")
    return render_template("error.html", bare=True, **facts)
