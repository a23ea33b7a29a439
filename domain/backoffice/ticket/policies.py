"""What becomes of a ticket, announced to other services. Announcements leave with the commit that
stores the fact, and name no employee."""

from collections.abc import Mapping

from domain.backoffice.ticket.messages import (
    TicketWasAssigned,
    TicketWasCancelled,
    TicketWasPrepared,
    TicketWasReopened,
    TicketWasResolved,
)
from ports.contracts import backoffice as contract
from ports.headers import ACTOR, ACTOR_ID
from ports.inbound.buses import DistributedBus
from ports.inbound.handlers import event_handler
from ports.messages import HeaderValue

# Who did it stays inside: headers are inherited, also by messages to other services.
_THE_DESK: Mapping[str, HeaderValue] = {ACTOR: "the desk", ACTOR_ID: ""}


class Announcements:
    """Reassignments are the desk's own business and are not announced."""

    @event_handler(endpoint="ticket.announce_prepared")
    def prepared(self, event: TicketWasPrepared, services: DistributedBus) -> None:
        services.publish_event(
            contract.TicketWasPrepared(
                ticket_id=event.ticket_id,
                reference=event.reference,
                version=event.version,
                occurred_at=event.prepared_at,
            ),
            headers=_THE_DESK,
        )

    @event_handler(endpoint="ticket.announce_taken_into_work")
    def assigned(self, event: TicketWasAssigned, services: DistributedBus) -> None:
        services.publish_event(
            contract.TicketWasTakenIntoWork(
                ticket_id=event.ticket_id,
                reference=event.reference,
                version=event.version,
                occurred_at=event.assigned_at,
            ),
            headers=_THE_DESK,
        )

    @event_handler(endpoint="ticket.announce_resolved")
    def resolved(self, event: TicketWasResolved, services: DistributedBus) -> None:
        services.publish_event(
            contract.TicketWasResolved(
                ticket_id=event.ticket_id,
                reference=event.reference,
                version=event.version,
                occurred_at=event.resolved_at,
            ),
            headers=_THE_DESK,
        )

    @event_handler(endpoint="ticket.announce_reopened")
    def reopened(self, event: TicketWasReopened, services: DistributedBus) -> None:
        services.publish_event(
            contract.TicketWasReopened(
                ticket_id=event.ticket_id,
                reference=event.reference,
                version=event.version,
                occurred_at=event.reopened_at,
                in_work=event.assignee_id != "",
            ),
            headers=_THE_DESK,
        )

    @event_handler(endpoint="ticket.announce_cancelled")
    def cancelled(self, event: TicketWasCancelled, services: DistributedBus) -> None:
        services.publish_event(
            contract.TicketWasCancelled(
                ticket_id=event.ticket_id,
                reference=event.reference,
                version=event.version,
                occurred_at=event.cancelled_at,
                reason=event.reason,
                by_customer=event.by_customer,
            ),
            headers=_THE_DESK,
        )
