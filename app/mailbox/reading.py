"""A caught mail taken apart for people. Strangers write mails: no part of one is trusted."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from email.parser import BytesParser
from functools import partial
from html.parser import HTMLParser
from typing import TypeVar, cast
from urllib.parse import urlsplit

S = TypeVar("S")
T = TypeVar("T")

LONGEST_TEXT = 200_000  # characters of a part that are shown
MOST_LINKS = 100
_MOST_PARTS = 100
_MOST_HEADERS = 200
_LONGEST_HEADER = 4_000
_URL = re.compile(r"https?://[^\s<>\"')\]]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    name: str
    type: str
    size: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MailContent:
    """``text`` and ``html`` are empty where the mail has no such part."""

    headers: Sequence[tuple[str, str]]
    text: str
    html: str
    links: Sequence[str]  # addresses of the web, each once, in order
    attachments: Sequence[Attachment]


def read_mail(raw: bytes) -> MailContent:
    """Never fails: what cannot be read is left out or shown with marks."""
    message = _parsed(raw)
    text, html = "", ""
    attachments: list[Attachment] = []
    for part in _parts(message):
        kind = _read_or("text/plain", part.get_content_type)
        if kind == "text/html" and not html and not _is_attached(part):
            html = _text_of(part)
        elif kind == "text/plain" and not text and not _is_attached(part):
            text = _text_of(part)
        else:
            attachments.append(_attachment(part, kind))
    return MailContent(
        headers=_headers(message),
        text=text,
        html=html,
        links=_links(text, html),
        attachments=attachments,
    )


def _parsed(raw: bytes) -> Message:
    try:
        return message_from_bytes(raw, policy=policy.default)
    except Exception:  # noqa: BLE001 - a broken type, or parts inside of parts, a thousand deep
        return BytesParser(policy=policy.compat32).parsebytes(raw, headersonly=True)


def _read_or(otherwise: T, read: Callable[[], S]) -> S | T:
    try:
        return read()
    except Exception:  # noqa: BLE001 - the parser of what is broken ends in whatever it runs into
        return otherwise


def _parts(message: Message) -> Iterator[Message]:
    """Without ``walk``, which calls itself for every part inside of a part."""
    waiting = [message]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        if part.is_multipart():
            # A list is what makes it one of many parts.
            waiting += reversed(cast("list[Message]", part.get_payload()))
        else:
            yield part


def _is_attached(part: Message) -> bool:
    return _read_or(None, part.get_content_disposition) == "attachment"


def _bytes_of(part: Message) -> bytes:
    payload: object = _read_or(None, lambda: part.get_payload(decode=True))
    return payload if isinstance(payload, bytes) else b""


def _text_of(part: Message) -> str:
    content = _bytes_of(part)
    charset = _read_or(None, part.get_content_charset) or "utf-8"
    text = _read_or("", lambda: content.decode(charset, "replace"))
    return (text or content.decode("utf-8", "replace"))[:LONGEST_TEXT]


def _attachment(part: Message, kind: str) -> Attachment:
    name = _read_or(None, lambda: part.get_filename())
    return Attachment(name=name or "unnamed", type=kind, size=len(_bytes_of(part)))


def _headers(message: Message) -> list[tuple[str, str]]:
    found = []
    for name, raw in list(message.raw_items())[:_MOST_HEADERS]:
        value = _read_or(str(raw), partial(_header, name, raw))
        found.append((name, value[:_LONGEST_HEADER]))
    return found


def _header(name: str, raw: str) -> str:
    return str(policy.default.header_fetch_parse(name, raw))


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _links(text: str, html: str) -> list[str]:
    anchors = _Anchors()
    _read_or(None, lambda: anchors.feed(html))
    found = [*anchors.found, *(match.rstrip(".,;") for match in _URL.findall(text))]
    kept = dict.fromkeys(link.strip() for link in found)
    return [link for link in kept if _leads_to_the_web(link)][:MOST_LINKS]


def _leads_to_the_web(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
