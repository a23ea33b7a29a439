"""Whenever something happened to an issue: who is told, and what is asked of the desk."""

from typing import Annotated

from domain.customer_service.issue.messages import (
    FollowTicket,
    IssueConfirmationWasSent,
    IssueWasCancelledByDesk,
    IssueWasClosed,
    IssueWasReported,
    IssueWasResolved,
    SendFollowLink,
    TicketProgress,
)
from domain.email_address import EmailAddress, InvalidEmailAddress
from ports.contracts import backoffice as desk
from ports.customer_service.notifications import IssueNotice, IssueNotifier
from ports.customer_service.queries import FOLLOW_LINKS_LIMIT, IssueOfAddress, IssuesOfAddress
from ports.headers import MESSAGE_ID
from ports.inbound.buses import CommandBus, DistributedBus, QueryBus
from ports.inbound.delivery import asynchronous, distributed, outside
from ports.inbound.handlers import command_handler, event_handler
from ports.inbound.parameters import Header

NOTIFICATIONS = "notifications"
DISTRIBUTION = "distribution"

MessageId = Annotated[str, Header(MESSAGE_ID)]


class CustomerNotices:
    """Mails to the customer. Each is sent at least once, and always under the id of the message
    that led to it."""

    @asynchronous(NOTIFICATIONS)
    @outside()
    @event_handler(endpoint="issue.confirm_report")
    def confirm_report(
        self, event: IssueWasReported, notifier: IssueNotifier, message_id: MessageId
    ) -> IssueConfirmationWasSent:
        notifier.confirm_report(_notice(event), message_id=message_id)
        return IssueConfirmationWasSent(issue_id=event.issue_id)

    @asynchronous(NOTIFICATIONS)
    @outside()
    @event_handler(endpoint="issue.tell_closed")
    def tell_closed(
        self, event: IssueWasClosed, notifier: IssueNotifier, message_id: MessageId
    ) -> None:
        notifier.tell_closed(_notice(event), message_id=message_id)

    @asynchronous(NOTIFICATIONS)
    @outside()
    @event_handler(endpoint="issue.tell_resolved")
    def tell_resolved(
        self, event: IssueWasResolved, notifier: IssueNotifier, message_id: MessageId
    ) -> None:
        notifier.tell_resolved(_notice(event), message_id=message_id)

    @asynchronous(NOTIFICATIONS)
    @outside()
    @event_handler(endpoint="issue.tell_cancelled")
    def tell_cancelled(
        self, event: IssueWasCancelledByDesk, notifier: IssueNotifier, message_id: MessageId
    ) -> None:
        notifier.tell_cancelled(_notice(event), reason=event.reason, message_id=message_id)

    @asynchronous(NOTIFICATIONS)
    @outside()
    @command_handler(endpoint="issue.send_follow_link")
    def send_follow_link(
        self,
        command: SendFollowLink,
        queries: QueryBus,
        notifier: IssueNotifier,
        message_id: MessageId,
    ) -> None:
        try:
            email = EmailAddress.parse(command.email).text
        except InvalidEmailAddress:
            return  # nobody can have reported from it; strangers must not learn that
        issues = queries.ask(IssuesOfAddress(email=email, limit=FOLLOW_LINKS_LIMIT))
        if issues:
            notices = [_notice(issue) for issue in issues]
            notifier.send_follow_links(email, notices, message_id=message_id)


class RequestsToDesk:
    """What the desk is asked for."""

    @asynchronous(DISTRIBUTION)
    @event_handler(endpoint="issue.prepare_ticket")
    def prepare_ticket(self, event: IssueWasReported, services: DistributedBus) -> None:
        services.send_command(
            desk.SERVICE,
            desk.PrepareTicket(
                ticket_id=event.ticket_id,
                type=desk.CUSTOMER_ISSUE,
                subject=event.subject,
                description=event.content,
                customer_email=event.email,
                reference=event.issue_id,
                issue_number=event.number,
            ),
        )

    @event_handler(endpoint="issue.cancel_ticket")
    def cancel_ticket(self, event: IssueWasClosed, services: DistributedBus) -> None:
        services.send_command(desk.SERVICE, desk.CancelTicket(ticket_id=event.ticket_id))


class NewsFromDesk:
    """What the desk announces, passed on to the issue that it is about. Tickets without a
    reference, or with one of another service, are nobody's here."""

    @distributed
    @event_handler(desk.TICKET_WAS_PREPARED, endpoint="issue.follow_prepared")
    def prepared(self, event: desk.TicketWasPrepared, commands: CommandBus) -> None:
        _follow(event, TicketProgress.PREPARED, commands)

    @distributed
    @event_handler(desk.TICKET_WAS_TAKEN_INTO_WORK, endpoint="issue.follow_taken_into_work")
    def taken_into_work(self, event: desk.TicketWasTakenIntoWork, commands: CommandBus) -> None:
        _follow(event, TicketProgress.TAKEN_INTO_WORK, commands)

    @distributed
    @event_handler(desk.TICKET_WAS_RESOLVED, endpoint="issue.follow_resolved")
    def resolved(self, event: desk.TicketWasResolved, commands: CommandBus) -> None:
        _follow(event, TicketProgress.RESOLVED, commands)

    @distributed
    @event_handler(desk.TICKET_WAS_REOPENED, endpoint="issue.follow_reopened")
    def reopened(self, event: desk.TicketWasReopened, commands: CommandBus) -> None:
        back = TicketProgress.TAKEN_INTO_WORK if event.in_work else TicketProgress.PUT_BACK
        _follow(event, back, commands)

    @distributed
    @event_handler(desk.TICKET_WAS_CANCELLED, endpoint="issue.follow_cancelled")
    def cancelled(self, event: desk.TicketWasCancelled, commands: CommandBus) -> None:
        _follow(
            event,
            TicketProgress.CANCELLED,
            commands,
            reason=event.reason,
            by_customer=event.by_customer,
        )


def _follow(
    event: (
        desk.TicketWasPrepared
        | desk.TicketWasTakenIntoWork
        | desk.TicketWasResolved
        | desk.TicketWasReopened
        | desk.TicketWasCancelled
    ),
    progress: TicketProgress,
    commands: CommandBus,
    *,
    reason: str = "",
    by_customer: bool = False,
) -> None:
    if not event.reference:
        return
    commands.send(
        FollowTicket(
            issue_id=event.reference,
            ticket_version=event.version,
            progress=progress,
            occurred_at=event.occurred_at,
            reason=reason,
            by_customer=by_customer,
        )
    )


def _notice(
    about: (
        IssueWasReported
        | IssueWasClosed
        | IssueWasResolved
        | IssueWasCancelledByDesk
        | IssueOfAddress
    ),
) -> IssueNotice:
    return IssueNotice(
        issue_id=about.issue_id, number=about.number, subject=about.subject, email=about.email
    )
