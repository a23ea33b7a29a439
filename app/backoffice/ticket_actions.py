"""What is done with a ticket. Each action is a form of its own; doing it twice changes nothing."""

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.backoffice.colleagues import Colleagues
from app.backoffice.forms import AssignTicketForm, CancelTicketForm
from app.backoffice.ticket_page import TicketPages
from app.backoffice.words import sentence
from app.identity.access import employees, staff
from app.identity.sessions import acting_headers
from domain.backoffice.errors import BackofficeError, EmployeeIsInactive, NoSuchEmployee
from domain.backoffice.ticket.errors import TicketFieldIsInvalid
from domain.backoffice.ticket.messages import (
    AssignTicket,
    CancelTicket,
    ReopenTicket,
    ResolveTicket,
    TakeTicket,
)
from domain.plain_text import is_uuid_text
from ports.backoffice.queries import TicketFacts, TicketState
from ports.contracts.numbers import ticket_label
from ports.errors import ConcurrencyConflict
from ports.inbound.buses import CommandBus

_SHORTLY = "The lists will show it shortly."


def add_ticket_actions(
    blueprint: Blueprint, *, commands: CommandBus, pages: TicketPages, colleagues: Colleagues
) -> None:
    def send(command: object, ticket: TicketFacts) -> None:
        """The action joins the conversation in which the ticket was prepared."""
        commands.send(
            command, headers=acting_headers(), correlation_id=ticket.correlation_id or None
        )

    def act(command: object, ticket: TicketFacts, done: str) -> AnyResponse:
        """Send, and tell on the ticket's page what came of it.

        Raises:
            TicketFieldIsInvalid: to be told beside the field.
        """
        try:
            send(command, ticket)
        except TicketFieldIsInvalid:
            raise
        except BackofficeError as refused:
            flash(sentence(str(refused)), "warning")
        except ConcurrencyConflict:
            _flash_conflict()
        else:
            flash(f"{done} {_SHORTLY}", "success")
        return _to_page(ticket)

    @blueprint.post("/tickets/<uuid:ticket_id>/take")
    @employees
    def take(ticket_id: UUID) -> AnyResponse:
        ticket = pages.facts(str(ticket_id))
        myself = colleagues.myself()
        if myself is None:
            abort(403)
        command = TakeTicket(ticket_id=ticket.ticket_id, employee_id=myself.employee_id)
        return act(command, ticket, "The ticket is yours.")

    @blueprint.post("/tickets/<uuid:ticket_id>/assign")
    @staff
    def assign(ticket_id: UUID) -> AnyResponse | tuple[str, int]:
        ticket = pages.facts(str(ticket_id))
        form = AssignTicketForm()
        if not form.validate_on_submit():
            return pages.draw(ticket, form), 422
        employee_id = form.employee_id.data or ""
        if not is_uuid_text(employee_id):
            return _refused(form, "Pick an employee from the list.", ticket)
        command = AssignTicket(ticket_id=ticket.ticket_id, employee_id=employee_id)
        try:
            send(command, ticket)
        except (NoSuchEmployee, EmployeeIsInactive) as refused:
            return _refused(form, sentence(str(refused)), ticket)
        except BackofficeError as refused:
            flash(sentence(str(refused)), "warning")
        except ConcurrencyConflict:
            _flash_conflict()
        else:
            name = pages.facts(ticket.ticket_id).assignee_name
            flash(f"The ticket is assigned to {name}. {_SHORTLY}", "success")
        return _to_page(ticket)

    def _refused(form: AssignTicketForm, message: str, ticket: TicketFacts) -> tuple[str, int]:
        form.refuse(message, form.employee_id)
        return pages.draw(ticket, form), 422

    @blueprint.post("/tickets/<uuid:ticket_id>/resolve")
    @employees
    def resolve(ticket_id: UUID) -> AnyResponse:
        ticket = pages.facts(str(ticket_id))
        return act(ResolveTicket(ticket_id=ticket.ticket_id), ticket, "The ticket is resolved.")

    @blueprint.post("/tickets/<uuid:ticket_id>/reopen")
    @employees
    def reopen(ticket_id: UUID) -> AnyResponse:
        ticket = pages.facts(str(ticket_id))
        if ticket.state in (TicketState.UNASSIGNED, TicketState.ASSIGNED):
            flash("The ticket is open already.", "info")
            return _to_page(ticket)
        return act(ReopenTicket(ticket_id=ticket.ticket_id), ticket, "The ticket is open again.")

    @blueprint.get("/tickets/<uuid:ticket_id>/cancel")
    @employees
    def confirm_cancel(ticket_id: UUID) -> str | AnyResponse:
        ticket = pages.facts(str(ticket_id))
        if ticket.state in (TicketState.RESOLVED, TicketState.CANCELLED):
            return _to_page(ticket)
        return _cancel_page(ticket, CancelTicketForm(formdata=None))

    @blueprint.post("/tickets/<uuid:ticket_id>/cancel")
    @employees
    def cancel(ticket_id: UUID) -> AnyResponse | tuple[str, int]:
        ticket = pages.facts(str(ticket_id))
        if ticket.state is TicketState.CANCELLED:
            flash(f"Ticket {ticket_label(ticket.number)} is cancelled.", "info")
            return _to_page(ticket)
        form = CancelTicketForm()
        if not form.validate_on_submit():
            return _cancel_page(ticket, form), 422
        command = CancelTicket(ticket_id=ticket.ticket_id, reason=form.reason.data or "")
        try:
            return act(command, ticket, f"Ticket {ticket_label(ticket.number)} is cancelled.")
        except TicketFieldIsInvalid as refused:
            form.refuse(f"The reason {refused.problem}.", form.reason)
            return _cancel_page(ticket, form), 422

    def _cancel_page(ticket: TicketFacts, form: CancelTicketForm) -> str:
        return render_template("backoffice/cancel_ticket.html", ticket=ticket, form=form)


def _flash_conflict() -> None:
    flash(
        "Somebody changed this ticket at the same moment. Look at it as it is now, and repeat what "
        "you wanted to do.",
        "warning",
    )


def _to_page(ticket: TicketFacts) -> AnyResponse:
    return redirect(url_for("backoffice.ticket", ticket_id=ticket.ticket_id), 303)
