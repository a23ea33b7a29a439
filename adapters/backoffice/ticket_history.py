"""The history of a ticket, read from its events: who, when, what, old and new."""

from collections.abc import Sequence
from typing import Any, get_args

from domain.backoffice.ticket.messages import (
    TicketEvent,
    TicketWasAssigned,
    TicketWasCancelled,
    TicketWasPrepared,
    TicketWasReassigned,
    TicketWasReopened,
    TicketWasResolved,
    TicketWasWithdrawn,
)
from ports.backoffice.queries import (
    HISTORY_LIMIT,
    FieldChange,
    HistoryEntry,
    HistoryKind,
    TicketHistory,
    TicketState,
)
from ports.headers import ACTOR, ACTOR_ID
from ports.inbound.declaring import only_mark
from ports.inbound.handlers import Named, query_handler
from ports.outbound.event_store import StoredEvent
from ports.outbound.serialization import Codec, Serialization
from ports.outbound.transactions import Store

_STREAM = "ticket"
_AGGREGATE = "ticket"


class TicketHistories:
    def __init__(self, store: Store, serialization: Serialization) -> None:
        self._store = store
        self._codecs = _codecs(serialization)

    @query_handler()
    def history(self, query: TicketHistory) -> tuple[HistoryEntry, ...]:
        telling = _Telling()
        entries = [
            telling.entry(stored, codec.decode(stored.envelope.payload))
            for stored in self._events(query.ticket_id)
            if (codec := self._codecs.get(stored.envelope.name)) is not None
        ]
        return tuple(entries[-HISTORY_LIMIT:])

    def _events(self, ticket_id: str) -> Sequence[StoredEvent]:
        unit = self._store.current()
        if unit is not None:
            return unit.events.load(_STREAM, _AGGREGATE, ticket_id)
        unit = self._store.begin()
        try:
            return unit.events.load(_STREAM, _AGGREGATE, ticket_id)
        finally:
            unit.rollback()


class _Telling:
    """Remembers how the ticket stood, to say from what it changed."""

    def __init__(self) -> None:
        self._state = ""
        self._assignee = ""

    def entry(self, stored: StoredEvent, event: TicketEvent) -> HistoryEntry:
        metadata = stored.envelope.metadata
        return HistoryEntry(
            version=stored.version,
            kind=_kind(event),
            at=metadata.timestamp,
            actor=str(metadata.headers.get(ACTOR, "")),
            actor_id=str(metadata.headers.get(ACTOR_ID, "")),
            changes=self._changes(event),
            reason=event.reason if isinstance(event, TicketWasCancelled) else "",
            by_customer=isinstance(event, TicketWasWithdrawn)
            or (isinstance(event, TicketWasCancelled) and event.by_customer),
            event_id=metadata.id,
            event_name=stored.envelope.name,
            correlation_id=metadata.correlation_id,
            trace=metadata.trace,
        )

    def _changes(self, event: TicketEvent) -> tuple[FieldChange, ...]:
        state, assignee = self._state, self._assignee
        match event:
            case TicketWasWithdrawn():
                pass
            case TicketWasPrepared():
                self._state = TicketState.UNASSIGNED.value
            case TicketWasAssigned() | TicketWasReassigned():
                self._state = TicketState.ASSIGNED.value
                self._assignee = event.assignee_name
            case TicketWasResolved():
                self._state = TicketState.RESOLVED.value
            case TicketWasReopened():
                self._assignee = event.assignee_name
                given_back = bool(event.assignee_id)
                self._state = (TicketState.ASSIGNED if given_back else TicketState.UNASSIGNED).value
            case TicketWasCancelled():
                self._state = TicketState.CANCELLED.value
        compared = (("state", state, self._state), ("assignee", assignee, self._assignee))
        return tuple(
            FieldChange(field=field, old=old, new=new) for field, old, new in compared if old != new
        )


def _kind(event: TicketEvent) -> HistoryKind:
    match event:
        case TicketWasWithdrawn():
            return HistoryKind.WITHDRAWN
        case TicketWasPrepared():
            return HistoryKind.PREPARED
        case TicketWasAssigned():
            return HistoryKind.ASSIGNED
        case TicketWasReassigned():
            return HistoryKind.REASSIGNED
        case TicketWasResolved():
            return HistoryKind.RESOLVED
        case TicketWasReopened():
            return HistoryKind.REOPENED
        case TicketWasCancelled():
            return HistoryKind.CANCELLED


def _codecs(serialization: Serialization) -> dict[str, Codec]:
    codecs: dict[str, Codec] = {}
    event_types: tuple[Any, ...] = get_args(TicketEvent)
    for event_type in event_types:
        named = only_mark(event_type, Named)
        assert named is not None, f"{event_type} has no stable name"
        codecs[named.name] = serialization.codec(event_type, contract=False)
    return codecs
