"""What every response tells the browser to refuse.

Scripts, styles, fonts and images come from this host as files, never from inside a page, so
nothing that slips into a page as text can run. Two pages need less: one that frames a caught mail,
and that mail itself, which strangers wrote.
"""

from collections.abc import Mapping
from datetime import timedelta

from flask import Flask, Response, g

_STRICT: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# No script, no form, no link into the page around it, no request to any host: only the text of
# the mail with its own styles. `sandbox` gives it an origin of its own even when opened directly.
_UNTRUSTED: Mapping[str, str] = {
    "default-src": "'none'",
    "style-src": "'unsafe-inline'",
    "img-src": "data:",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'self'",
    "sandbox": "",
}
_PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "geolocation", "microphone", "payment", "usb", "browsing-topics")
)
_HSTS_AGE = timedelta(days=365)


def set_up_security_headers(app: Flask, *, tls: bool) -> None:
    """Add the headers to every response, error pages and static files included.

    ``tls`` says that visitors always come by HTTPS; browsers then refuse plain HTTP for a year.
    A response that says nothing about caching is kept by nobody (``no-store``).
    """

    def protect(response: Response) -> Response:
        headers = response.headers
        headers["Content-Security-Policy"] = _policy()
        headers["X-Content-Type-Options"] = "nosniff"
        # Signed links are secrets: no other host, and no later page, may learn the address.
        headers["Referrer-Policy"] = "no-referrer"
        headers["Permissions-Policy"] = _PERMISSIONS
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["X-Frame-Options"] = "SAMEORIGIN" if _is_untrusted() else "DENY"
        if tls:
            headers["Strict-Transport-Security"] = f"max-age={int(_HSTS_AGE.total_seconds())}"
        headers.setdefault("Cache-Control", "no-store")
        return response

    app.after_request(protect)


def allow_own_frames() -> None:
    """Let the page that is being answered frame other pages of this host."""
    g.frames_are_allowed = True


def answer_with_untrusted_document() -> None:
    """Treat the answer as HTML by strangers: shown in our frame, and unable to do anything."""
    g.document_is_untrusted = True


def _is_untrusted() -> bool:
    return bool(g.get("document_is_untrusted", False))


def _policy() -> str:
    if _is_untrusted():
        directives = dict(_UNTRUSTED)
    else:
        directives = dict(_STRICT)
        if g.get("frames_are_allowed", False):
            directives["frame-src"] = "'self'"
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())
