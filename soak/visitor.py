"""A browser without a screen: cookies, and forms with their hidden fields."""

import http.client
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_INPUT = re.compile(r"<(?:input|button)\b[^>]*>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


class NoAnswer(Exception):
    """The connection broke: what was asked for may have happened or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    location: str
    text: str

    def form(self, action: str) -> dict[str, str]:
        """The fields that the form to this address already holds.

        Raises:
            LookupError: the page has no such form.
        """
        for attributes, inside in _FORM.findall(self.text):
            if unescape(dict(_ATTRIBUTE.findall(attributes)).get("action", "")) == action:
                return _fields(inside)
        raise LookupError(f"no form to {action}")


class Visitor:
    """One person at one browser; not for several threads. Redirections are not followed."""

    def __init__(self, port: int, *, limit_s: float = 30.0) -> None:
        self._port = port
        self._limit_s = limit_s
        self._cookies: dict[str, str] = {}
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None)

    def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        return self._ask("POST", path, urlencode(fields))

    def submit(self, page: str, action: str, fields: Mapping[str, str] | None = None) -> Answer:
        """Open the page, fill in its form, send it. Where the page cannot be had, its answer."""
        opened = self.get(page)
        if opened.status != 200:
            return opened
        return self.post(action, opened.form(action) | dict(fields or {}))

    def forget(self) -> None:
        """A new browser: without cookies."""
        self._cookies.clear()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, method: str, path: str, body: str | None) -> Answer:
        headers = {"Accept": "text/html"}
        if self._cookies:
            headers["Cookie"] = "; ".join(
                f"{name}={value}" for name, value in self._cookies.items()
            )
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        fresh = self._connection is None
        try:
            return self._exchange(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if fresh or body is not None:
                raise NoAnswer(f"{method} {path.partition('?')[0]}: {error!r}") from error
        # The server may close a connection that nobody used for a while; reading is safe to repeat.
        try:
            return self._exchange(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(f"{method} {path.partition('?')[0]}: {error!r}") from error

    def _exchange(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str]
    ) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self._port, timeout=self._limit_s
            )
        self._connection.request(method, path, body=body, headers=dict(headers))
        response = self._connection.getresponse()
        text = response.read().decode(errors="replace")
        for given in response.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(given).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self._cookies.pop(name, None)
                else:
                    self._cookies[name] = morsel.value
        if response.will_close:
            self.close()
        location = urlsplit(response.headers.get("Location", ""))
        target = location.path + (f"?{location.query}" if location.query else "")
        return Answer(status=response.status, location=target, text=text)


def _fields(form: str) -> dict[str, str]:
    found = {}
    for tag in _INPUT.findall(form):
        attributes = dict(_ATTRIBUTE.findall(tag))
        if attributes.get("type") == "hidden" and "name" in attributes:
            found[attributes["name"]] = unescape(attributes.get("value", ""))
    return found
