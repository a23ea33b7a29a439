"""Tickets that the desk makes for itself."""

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.backoffice.forms import PrepareTicketForm
from app.backoffice.ticket_page import TicketPages
from app.identity.access import staff
from app.identity.sessions import acting_headers
from domain.backoffice.ticket.errors import TicketFieldIsInvalid
from domain.backoffice.ticket.messages import USUAL_TYPES
from domain.email_address import InvalidEmailAddress
from domain.plain_text import is_uuid_text, many_lines, one_line
from ports.contracts.backoffice import CUSTOMER_ISSUE, PrepareTicket
from ports.inbound.buses import CommandBus
from ports.outbound.time import Identifiers

_OFFERED_TYPES = tuple(name for name in USUAL_TYPES if name != CUSTOMER_ISSUE)


def add_preparing(
    blueprint: Blueprint, *, commands: CommandBus, identifiers: Identifiers, pages: TicketPages
) -> None:
    def page(form: PrepareTicketForm) -> str:
        return render_template("backoffice/prepare.html", form=form, types=_OFFERED_TYPES)

    @blueprint.get("/tickets/new")
    @staff
    def new_ticket() -> str:
        form = PrepareTicketForm(formdata=None)
        form.ticket_id.data = identifiers.new()
        return page(form)

    @blueprint.post("/tickets/new")
    @staff
    def prepare() -> AnyResponse | tuple[str, int]:
        form = PrepareTicketForm()
        if not is_uuid_text(form.ticket_id.data or ""):
            form.ticket_id.data = identifiers.new()
        if not form.validate_on_submit():
            return page(form), 422
        command = PrepareTicket(
            ticket_id=form.ticket_id.data or "",
            type=one_line(form.type.data or ""),
            subject=form.subject.data or "",
            description=form.description.data or "",
            customer_email=(form.email.data or "").strip(),
        )
        try:
            commands.send(command, headers=acting_headers())
        except InvalidEmailAddress as refused:
            form.refuse(f"This address cannot be written to: {refused.problem}.", form.email)
            return page(form), 422
        except TicketFieldIsInvalid as refused:
            form.refuse(f"This field {refused.problem}.", form[refused.field])
            return page(form), 422
        if not _is_what_was_prepared(command, pages):
            form.ticket_id.data = identifiers.new()
            form.refuse("You sent this form before. Send it again to prepare another ticket.")
            return page(form), 409
        flash("The ticket is prepared. It will appear in the lists shortly.", "success")
        return redirect(url_for("backoffice.ticket", ticket_id=command.ticket_id), 303)


def _is_what_was_prepared(command: PrepareTicket, pages: TicketPages) -> bool:
    """A second command with the same id changes nothing, whatever it says: somebody who went back
    and wrote something else must hear of it."""
    ticket = pages.facts(command.ticket_id)
    return (ticket.subject, ticket.description) == (
        one_line(command.subject),
        many_lines(command.description),
    )
