"""What the macros of ``components.html`` are given: small values that pages build.

Meanings are words, not colours: ``primary``, ``success``, ``warning``, ``danger``, ``info``,
``note``, ``neutral``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Meaning = Literal["primary", "success", "warning", "danger", "info", "note", "neutral"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    label: str
    url: str
    current: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One state on a way; ``at`` is when it was reached, ``None`` while it lies ahead."""

    label: str
    state: Literal["done", "current", "ahead", "failed"]
    at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A field that got another value; an empty text means that it had none."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """Who did what and when. ``id`` must stay the same, so that live updates keep the place."""

    id: str
    at: datetime
    who: str
    what: str
    icon: str = "circle-dot"
    meaning: Meaning = "neutral"
    changes: Sequence[Change] = ()
    text: str = ""
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of a fact list; ``kind`` chooses how the value is drawn."""

    label: str
    value: object
    kind: Literal["text", "id", "time", "duration", "number"] = "text"
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Work that runs in the background; ``finished`` ends the asking."""

    id: str
    label: str
    done: int
    failed: int
    total: int
    started_at: datetime
    started_by: str
    finished: bool = False
    per_minute: float | None = None

    @property
    def left(self) -> int:
        return max(self.total - self.done - self.failed, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveFilter:
    """A filter that is on, with the address of the list without it."""

    label: str
    value: str
    url_without: str
