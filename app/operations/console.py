"""What the pages of the console stand on: every context of this deployment, seen as one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.identity.auditing import Auditing
from app.messaging.bulk import BulkDesk
from app.messaging.removed_channels import by_name
from app.messaging.runtime import Runtime
from ports.outbound.audit import AuditLog
from ports.outbound.message_table import RemovedChannel
from ports.outbound.operations import (
    MOST_COUNTED,
    FailedMessageChoices,
    FailedMessageGroup,
    FailedMessageHistory,
    FailedMessageRow,
    FailedMessageSearch,
    Heartbeats,
    Jobs,
    OperationsView,
    Place,
    ProjectionState,
)
from ports.outbound.time import Identifiers
from ports.outbound.traces import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowerLink:
    url: str
    hint: str  # how to sign in there


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Mappings are by context, and hold the same ones."""

    runtimes: Mapping[str, Runtime]
    views: Mapping[str, OperationsView]
    bulk: Mapping[str, BulkDesk]
    jobs: Jobs
    heartbeats: Heartbeats
    traces: Traces
    audit_log: AuditLog
    identifiers: Identifiers
    now: Callable[[], datetime]
    demo_fault: bool = False
    flower: FlowerLink | None = None
    # When messages were lost with the broker's file.
    broker_lost_at: Callable[[], datetime | None] = lambda: None

    @property
    def auditing(self) -> Auditing:
        return Auditing(self.audit_log, now=self.now)

    def removed_channels(self) -> Sequence[RemovedChannel]:
        return by_name(
            found for runtime in self.runtimes.values() for found in runtime.removed_channels.all()
        )

    def count_failed(self, search: FailedMessageSearch, contexts: Iterable[str] = ()) -> int:
        return sum(view.count_failed(search) for view in self._views(contexts))

    def failed_page(
        self,
        search: FailedMessageSearch,
        contexts: Iterable[str],
        *,
        offset: int,
        limit: int,
        oldest_first: bool = False,
    ) -> Sequence[FailedMessageRow]:
        """One page of the joined list: of each context only places are read up to its end."""
        end = min(offset + limit, MOST_COUNTED)
        places = [
            (place, view.context)
            for view in self._views(contexts)
            for place in view.places(search, limit=end, oldest_first=oldest_first)
        ]
        places.sort(reverse=not oldest_first)
        ids = [own_id for (_, own_id), _ in places[offset:end]]
        rows = self.rows(ids, contexts)
        return [rows[own_id] for own_id in ids if own_id in rows]

    def rows(
        self, ids: Sequence[str], contexts: Iterable[str] = ()
    ) -> Mapping[str, FailedMessageRow]:
        """By id; of those that are there."""
        return {row.id: row for view in self._views(contexts) for row in view.rows(ids)}

    def failed_groups(
        self, search: FailedMessageSearch, contexts: Iterable[str], *, limit: int
    ) -> Sequence[FailedMessageGroup]:
        found = [
            group
            for view in self._views(contexts)
            for group in view.failed_groups(search, limit=limit)
        ]
        return sorted(found, key=lambda group: (-group.count, group.context, group.group))[:limit]

    def failed_choices(self) -> FailedMessageChoices:
        found = [view.failed_choices() for view in self.views.values()]
        return FailedMessageChoices(
            endpoints=sorted({name for one in found for name in one.endpoints}),
            channels=sorted({name for one in found for name in one.channels}),
            exceptions=sorted({name for one in found for name in one.exceptions}),
        )

    def history(self, failed_message_id: str) -> tuple[str, FailedMessageHistory] | None:
        """With its context; ids are unique over all of them."""
        for context, view in self.views.items():
            found = view.history(failed_message_id)
            if found is not None:
                return context, found
        return None

    def neighbours(self, place: Place, *, deleted: bool) -> tuple[str, str]:
        """Ids of the next newer and the next older one; empty at the ends."""
        pairs = [view.neighbours(place, deleted=deleted) for view in self.views.values()]
        newer = min((pair[0] for pair in pairs if pair[0]), default=None)
        older = max((pair[1] for pair in pairs if pair[1]), default=None)
        return (newer[1] if newer else "", older[1] if older else "")

    def last_failure(self) -> datetime | None:
        found = [view.last_failure() for view in self.views.values()]
        return max((moment for moment in found if moment), default=None)

    def projections(self) -> Sequence[ProjectionState]:
        return [
            state
            for context, view in self.views.items()
            for state in view.projections(
                [(one.name, one.streams) for one in self.runtimes[context].projections.all]
            )
        ]

    def _views(self, contexts: Iterable[str]) -> Sequence[OperationsView]:
        chosen = set(contexts) or set(self.views)
        return [view for context, view in self.views.items() if context in chosen]
