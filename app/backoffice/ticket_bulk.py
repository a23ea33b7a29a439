"""The same done with several tickets of a list. Each is a command of its own: what one ticket
refuses hinders no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from flask import Blueprint, abort, flash, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from app.backoffice.colleagues import Colleagues
from app.backoffice.forms import AssignTicketForm
from app.backoffice.ticket_page import TicketPages
from app.backoffice.ticket_search import wanted
from app.backoffice.words import sentence
from app.identity.access import employees, staff
from app.identity.sessions import acting_headers
from app.web.formatting import plural
from app.web.paging import SIZES
from domain.backoffice.errors import BackofficeError
from domain.backoffice.ticket.messages import AssignTicket, ResolveTicket, TakeTicket
from domain.plain_text import is_uuid_text
from ports.backoffice.queries import EmployeeStatus, TicketFacts
from ports.errors import AggregateNotFound, ConcurrencyConflict
from ports.inbound.buses import CommandBus

MOST_TICKED = SIZES[-1]  # the largest page that a list has
_SHOWN = 5
_LONGEST_QUERY = 2_000  # characters

AnyAnswer = AnyResponse | str | tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    ids: Sequence[str]
    back: str  # the list in which they were ticked
    query: str

    @property
    def fields(self) -> list[tuple[str, str]]:
        return [*(("ids", own_id) for own_id in self.ids), ("query", self.query)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    ticket: TicketFacts | None  # None: there is no such ticket
    refusal: str = ""  # empty: it is done


def add_ticket_bulk(
    blueprint: Blueprint, *, commands: CommandBus, pages: TicketPages, colleagues: Colleagues
) -> None:
    def attempt(ticket_id: str, command: object) -> Outcome:
        """The command joins the conversation in which the ticket was prepared."""
        ticket = pages.find(ticket_id)
        if ticket is None:
            return Outcome(ticket=None, refusal="There is no such ticket.")
        try:
            commands.send(
                command, headers=acting_headers(), correlation_id=ticket.correlation_id or None
            )
        except (BackofficeError, AggregateNotFound) as refused:
            return Outcome(ticket=ticket, refusal=sentence(str(refused)))
        except ConcurrencyConflict:
            return Outcome(ticket=ticket, refusal="Somebody changed it at the same moment.")
        return Outcome(ticket=ticket)

    def act(selection: Selection, command_for: Callable[[str], object], done: str) -> AnyAnswer:
        """``done`` says what became of tickets: "taken". Where the store goes away midway, the
        rest is left as it was; everything here may be repeated for all of them."""
        outcomes = [attempt(own_id, command_for(own_id)) for own_id in selection.ids]
        refused = [outcome for outcome in outcomes if outcome.refusal]
        if refused:
            return render_template(
                "backoffice/bulk_outcome.html",
                done=[outcome for outcome in outcomes if not outcome.refusal],
                refused=refused,
                word=done,
                back=selection.back,
            )
        flash(
            f"{plural(len(outcomes), 'ticket')} {done}. The lists will show it shortly.", "success"
        )
        return redirect(selection.back, 303)

    def question(template: str, selection: Selection, **more: object) -> str:
        shown = [pages.find(own_id) for own_id in selection.ids[:_SHOWN]]
        return render_template(
            template,
            selection=selection,
            tickets=[ticket for ticket in shown if ticket is not None],
            left=max(len(selection.ids) - _SHOWN, 0),
            **more,
        )

    def assign_question(selection: Selection, form: AssignTicketForm) -> str:
        form.offer(colleagues.active())
        return question("backoffice/bulk_assign.html", selection, form=form)

    @blueprint.post("/tickets/bulk/take")
    @employees
    def take_many() -> AnyAnswer:
        selection = _selection()
        if not selection.ids:
            return redirect(selection.back, 303)
        myself = colleagues.myself()
        if myself is None:
            abort(403)
        employee_id = myself.employee_id
        return act(
            selection,
            lambda own_id: TakeTicket(ticket_id=own_id, employee_id=employee_id),
            "taken",
        )

    @blueprint.post("/tickets/bulk/resolve/confirm")
    @employees
    def confirm_resolve_many() -> AnyAnswer:
        """Asking changes nothing; it is a POST because a page of tickets is too much for an
        address."""
        selection = _selection()
        if not selection.ids:
            return redirect(selection.back, 303)
        return question("backoffice/bulk_resolve.html", selection)

    @blueprint.post("/tickets/bulk/resolve")
    @employees
    def resolve_many() -> AnyAnswer:
        selection = _selection()
        if not selection.ids:
            return redirect(selection.back, 303)
        return act(selection, lambda own_id: ResolveTicket(ticket_id=own_id), "resolved")

    @blueprint.post("/tickets/bulk/assign/confirm")
    @staff
    def confirm_assign_many() -> AnyAnswer:
        selection = _selection()
        if not selection.ids:
            return redirect(selection.back, 303)
        return assign_question(selection, AssignTicketForm(formdata=None))

    @blueprint.post("/tickets/bulk/assign")
    @staff
    def assign_many() -> AnyAnswer:
        selection = _selection()
        if not selection.ids:
            return redirect(selection.back, 303)
        form = AssignTicketForm()
        if not form.validate_on_submit():
            return assign_question(selection, form), 422
        chosen = form.employee_id.data or ""
        employee = colleagues.find(chosen) if is_uuid_text(chosen) else None
        if employee is None or employee.status is not EmployeeStatus.ACTIVE:
            # Said once beside the field, instead of by every ticket.
            form.refuse("Pick an active employee from the list.", form.employee_id)
            return assign_question(selection, form), 422
        return act(
            selection,
            lambda own_id: AssignTicket(ticket_id=own_id, employee_id=chosen),
            f"assigned to {employee.name}",
        )


def _selection() -> Selection:
    """The ticked rows; none, and a word to the visitor, where they cannot be acted on."""
    sent = request.form.get("query", "")[:_LONGEST_QUERY]
    arguments: MultiDict[str, str] = MultiDict(parse_qsl(sent))
    asked = wanted(arguments)
    ids = tuple(dict.fromkeys(request.form.getlist("ids")))
    if not ids:
        flash("Nothing was chosen. Tick some tickets first.", "warning")
    elif len(ids) > MOST_TICKED:
        flash(
            f"{plural(len(ids), 'ticket')} are too many at once; the most are {MOST_TICKED}. "
            "Nothing was done.",
            "warning",
        )
        ids = ()
    return Selection(ids=ids, back=asked.url, query=asked.query)
