"""The tickets that wait for somebody to take them."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from adapters.backoffice.tables import unassigned_ticket
from adapters.sql.connections import Connections
from domain.backoffice.ticket.messages import (
    TicketWasAssigned,
    TicketWasCancelled,
    TicketWasPrepared,
    TicketWasReopened,
)
from ports.backoffice.queries import LARGEST_PAGE, NextUnassignedTickets, UnassignedTicketRow
from ports.inbound.handlers import event_handler, query_handler
from ports.inbound.projections import projection, resets

CHANNEL = "asynchronous_projections"

_tickets = unassigned_ticket.c

_PREPARED = {
    dialect: insert(unassigned_ticket).on_conflict_do_nothing(index_elements=["ticket_id"])
    for dialect, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}
_WAITS = (
    sa.update(unassigned_ticket)
    .where(_tickets.ticket_id == sa.bindparam("of_ticket"))
    .values(waiting_since=sa.bindparam("since"))
)
_GONE = sa.delete(unassigned_ticket).where(_tickets.ticket_id == sa.bindparam("of_ticket"))

_LONGEST_WAITING: sa.Select[Any] = (
    sa.select(unassigned_ticket)
    .where(_tickets.waiting_since.is_not(None))
    .order_by(_tickets.waiting_since, _tickets.number)
    .limit(sa.bindparam("most", type_=sa.Integer))
)


@projection("unassigned_tickets", streams=("ticket",), channel=CHANNEL)
class UnassignedTickets:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @event_handler()
    def prepared(self, event: TicketWasPrepared) -> None:
        self._connections.write(
            _PREPARED[self._connections.dialect],
            {
                "ticket_id": event.ticket_id,
                "number": event.number,
                "issue_number": event.issue_number,
                "type": event.type,
                "subject": event.subject,
                "waiting_since": event.prepared_at,
            },
        )

    @event_handler()
    def assigned(self, event: TicketWasAssigned) -> None:
        self._set_waiting(event.ticket_id, None)

    @event_handler()
    def reopened(self, event: TicketWasReopened) -> None:
        if not event.assignee_id:
            self._set_waiting(event.ticket_id, event.reopened_at)

    @event_handler()
    def cancelled(self, event: TicketWasCancelled) -> None:
        self._connections.write(_GONE, {"of_ticket": event.ticket_id})

    @resets
    def empty(self) -> None:
        self._connections.current().execute(sa.delete(unassigned_ticket))

    @query_handler()
    def next(self, query: NextUnassignedTickets) -> tuple[UnassignedTicketRow, ...]:
        most = max(0, min(query.limit, LARGEST_PAGE))
        found = self._connections.current().execute(_LONGEST_WAITING, {"most": most})
        return tuple(UnassignedTicketRow(**row) for row in found.mappings())

    def _set_waiting(self, ticket_id: str, since: datetime | None) -> None:
        self._connections.write(_WAITS, {"of_ticket": ticket_id, "since": since})
