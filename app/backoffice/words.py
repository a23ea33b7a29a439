"""How states and kinds of tickets are called and coloured."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.web.components import Change, HistoryEntry, Meaning
from ports.backoffice import queries
from ports.backoffice.queries import EmployeeStatus, HistoryKind, TicketState


@dataclass(frozen=True, slots=True)
class Tag:
    text: str
    meaning: Meaning
    icon: str


TICKET_TAGS: Mapping[TicketState, Tag] = {
    TicketState.UNASSIGNED: Tag("Unassigned", "warning", "hand-stop"),
    TicketState.ASSIGNED: Tag("Assigned", "primary", "user-check"),
    TicketState.RESOLVED: Tag("Resolved", "success", "circle-check"),
    TicketState.CANCELLED: Tag("Cancelled", "neutral", "ban"),
}
EMPLOYEE_TAGS: Mapping[EmployeeStatus, Tag] = {
    EmployeeStatus.ACTIVE: Tag("Active", "success", "circle-check"),
    EmployeeStatus.INACTIVE: Tag("Inactive", "neutral", "circle-minus"),
}

_KINDS: Mapping[HistoryKind, Tag] = {
    HistoryKind.WITHDRAWN: Tag("withdrew the issue", "neutral", "ban"),
    HistoryKind.PREPARED: Tag("prepared the ticket", "info", "ticket"),
    HistoryKind.ASSIGNED: Tag("assigned the ticket", "primary", "user-check"),
    HistoryKind.REASSIGNED: Tag("gave the ticket to somebody else", "primary", "user-check"),
    HistoryKind.RESOLVED: Tag("resolved the ticket", "success", "circle-check"),
    HistoryKind.REOPENED: Tag("reopened the ticket", "warning", "arrow-back-up"),
    HistoryKind.CANCELLED: Tag("cancelled the ticket", "neutral", "ban"),
}
_TOOK = "took the ticket"
_REPORTED = "reported the issue"
_FIELDS = {"state": "State", "assignee": "Assignee"}


def entry_of(entry: queries.HistoryEntry) -> HistoryEntry:
    """One line of a ticket's history: who did what, and what it changed."""
    kind = _KINDS[entry.kind]
    return HistoryEntry(
        id=f"version-{entry.version}",
        at=entry.at,
        who=_who(entry),
        what=_what(entry),
        icon=kind.icon,
        meaning=kind.meaning,
        changes=[
            Change(
                field=_FIELDS.get(change.field, change.field),
                old=_value(change.field, change.old),
                new=_value(change.field, change.new),
            )
            for change in entry.changes
        ],
        text=entry.reason,
    )


def sentence(text: str) -> str:
    """A refusal as it is put to people: it begins with a capital and ends with a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def _what(entry: queries.HistoryEntry) -> str:
    if _was_taken(entry):
        return _TOOK
    if entry.kind is HistoryKind.PREPARED and entry.actor and not entry.actor_id:
        # Somebody without an account: the ticket came out of a customer's report.
        return _REPORTED
    return _KINDS[entry.kind].text


def _was_taken(entry: queries.HistoryEntry) -> bool:
    return entry.kind is HistoryKind.ASSIGNED and any(
        change.field == "assignee" and change.new == entry.actor for change in entry.changes
    )


def _who(entry: queries.HistoryEntry) -> str:
    if entry.by_customer:
        return "The customer"
    if not entry.actor:
        return "Thicket"
    return entry.actor[:1].upper() + entry.actor[1:]


def _value(field: str, value: str) -> str:
    return TICKET_TAGS[TicketState(value)].text if field == "state" and value else value
