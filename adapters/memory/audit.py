"""An audit log in this process, for tests."""

import itertools
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

from ports.outbound.audit import LARGEST_PAGE, LONGEST_REASON, NO_DETAILS, Actor, AuditEntry


class MemoryAuditLog:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[AuditEntry] = []
        self._ids = itertools.count(1)

    def record(
        self,
        actor: Actor,
        action: str,
        object: str,
        *,
        at: datetime,
        reason: str = "",
        details: Mapping[str, str] = NO_DETAILS,
    ) -> None:
        with self._lock:
            self._entries.append(
                AuditEntry(
                    id=next(self._ids),
                    at=at,
                    actor=actor,
                    action=action,
                    object=object,
                    reason=reason[:LONGEST_REASON],
                    details=dict(details),
                )
            )

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
