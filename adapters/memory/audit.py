"""An audit log in this process, for tests."""

import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime

from ports.outbound.audit import (
    LARGEST_PAGE,
    LONGEST_REASON,
    NO_DETAILS,
    OUTCOME,
    Actor,
    AuditEntry,
    Outcome,
)


class MemoryAuditLog:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[AuditEntry] = []
        self._ids = itertools.count(1)
        # Of the one commit that this thread of control is in.
        self._made: ContextVar[list[int] | None] = ContextVar("entries made", default=None)

    def record(
        self,
        actor: Actor,
        action: str,
        object: str,
        *,
        at: datetime,
        reason: str = "",
        details: Mapping[str, str] = NO_DETAILS,
    ) -> int:
        with self._lock:
            entry_id = next(self._ids)
            self._entries.append(
                AuditEntry(
                    id=entry_id,
                    at=at,
                    actor=actor,
                    action=action,
                    object=object,
                    reason=reason[:LONGEST_REASON],
                    details=dict(details),
                )
            )
        made = self._made.get()
        if made is not None:
            made.append(entry_id)
        return entry_id

    def conclude(self, entry_id: int, outcome: Outcome) -> None:
        with self._lock:
            self._entries = [
                replace(entry, details={**entry.details, OUTCOME: outcome.value})
                if entry.id == entry_id
                else entry
                for entry in self._entries
            ]

    def joins(self) -> bool:
        return self._made.get() is not None

    @contextmanager
    def one_commit(self) -> Iterator[None]:
        """Only this log's entries are undone: other ports in memory know no transactions."""
        if self.joins():
            yield
            return
        made: list[int] = []
        before = self._made.set(made)
        try:
            yield
        except BaseException:
            with self._lock:
                self._entries = [entry for entry in self._entries if entry.id not in made]
            raise
        finally:
            self._made.reset(before)

    def newest(
        self,
        *,
        limit: int,
        before: int | None = None,
        action: str = "",
        object: str = "",
    ) -> Sequence[AuditEntry]:
        with self._lock:
            found = [
                entry
                for entry in reversed(self._entries)
                if (before is None or entry.id < before)
                and action in ("", entry.action)
                and object in ("", entry.object)
            ]
        return found[: max(0, min(limit, LARGEST_PAGE))]

    def purge(self, *, before: datetime, limit: int) -> int:
        with self._lock:
            old = sorted(
                (entry for entry in self._entries if entry.at < before), key=lambda entry: entry.at
            )[:limit]
            self._entries = [entry for entry in self._entries if entry not in old]
        return len(old)
