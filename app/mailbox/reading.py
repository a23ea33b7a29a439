"""A caught mail taken apart for people. Strangers write mails: no part of one is trusted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from html.parser import HTMLParser
from urllib.parse import urlsplit

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
    message = message_from_bytes(raw, policy=policy.default)
    text, html = "", ""
    attachments: list[Attachment] = []
    for part in _parts(message):
        kind = part.get_content_type()
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


def _parts(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number >= _MOST_PARTS:
            return
        if not part.is_multipart():
            yield part


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment"


def _bytes_of(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text_of(part: Message) -> str:
    content = _bytes_of(part)
    try:
        text = content.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    return text[:LONGEST_TEXT]


def _attachment(part: Message, kind: str) -> Attachment:
    try:
        name = part.get_filename() or ""
    except (ValueError, LookupError, IndexError):
        name = ""
    return Attachment(name=name or "unnamed", type=kind, size=len(_bytes_of(part)))


def _headers(message: EmailMessage) -> list[tuple[str, str]]:
    found = []
    for name, raw in list(message.raw_items())[:_MOST_HEADERS]:
        try:
            value = str(message.policy.header_fetch_parse(name, raw))
        except (ValueError, LookupError, IndexError, AttributeError):
            value = str(raw)
        found.append((name, value[:_LONGEST_HEADER]))
    return found


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _links(text: str, html: str) -> list[str]:
    anchors = _Anchors()
    anchors.feed(html)
    found = [*anchors.found, *(match.rstrip(".,;") for match in _URL.findall(text))]
    kept = dict.fromkeys(link.strip() for link in found)
    return [link for link in kept if _leads_to_the_web(link)][:MOST_LINKS]


def _leads_to_the_web(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
