"""One ticket: its facts, what happened to it, and what can be done with it."""

from uuid import UUID

from flask import Blueprint, Response, abort, jsonify, render_template, request

from app.backoffice.colleagues import Colleagues, is_operator
from app.backoffice.forms import AssignTicketForm
from app.backoffice.words import TICKET_TAGS, entry_of
from app.identity.access import staff
from app.web.errors import answers_json
from app.web.fragments import live_region
from app.web.paging import parse_list_request
from domain.plain_text import is_uuid_text
from ports.backoffice.queries import HISTORY_LIMIT, TicketDetails, TicketFacts, TicketHistory
from ports.errors import AggregateNotFound
from ports.inbound.buses import QueryBus

_SUGGESTED = 8


class TicketPages:
    """Looks up one ticket and draws its page; always fresh, from the ticket's own events."""

    def __init__(self, *, queries: QueryBus, colleagues: Colleagues) -> None:
        self._queries = queries
        self._colleagues = colleagues

    def find(self, ticket_id: str) -> TicketFacts | None:
        if not is_uuid_text(ticket_id):
            return None
        try:
            found: TicketFacts = self._queries.ask(TicketDetails(ticket_id=ticket_id))
        except AggregateNotFound:
            return None
        return found

    def facts(self, ticket_id: str) -> TicketFacts:
        """Answers 404 by itself."""
        found = self.find(ticket_id)
        if found is None:
            abort(404)
        return found

    def draw(self, ticket: TicketFacts, form: AssignTicketForm) -> str:
        form.offer(self._colleagues.active())
        return render_template(
            "backoffice/ticket.html", form=form, moved_on=False, **self.parts(ticket)
        )

    def parts(self, ticket: TicketFacts) -> dict[str, object]:
        """What the page and its history, drawn alone, have in common."""
        entries = self._queries.ask(TicketHistory(ticket_id=ticket.ticket_id))
        return {
            "ticket": ticket,
            "tag": TICKET_TAGS[ticket.state],
            "entries": [entry_of(entry) for entry in reversed(entries)],
            "history_is_cut": len(entries) >= HISTORY_LIMIT,
            "myself": self._colleagues.myself(),
            "operator": is_operator(),
        }


def add_ticket_page(blueprint: Blueprint, *, pages: TicketPages, colleagues: Colleagues) -> None:
    @blueprint.get("/tickets/<uuid:ticket_id>")
    @staff
    def ticket(ticket_id: UUID) -> str:
        facts = pages.facts(str(ticket_id))
        form = AssignTicketForm(formdata=None)
        return pages.draw(facts, form)

    @blueprint.get("/tickets/<uuid:ticket_id>/history")
    @staff
    def ticket_history(ticket_id: UUID) -> Response:
        """Asked again and again while the ticket is looked at; says when it has moved on."""
        facts = pages.facts(str(ticket_id))
        return live_region(
            (facts.version, facts.state, facts.assignee_name),
            lambda: render_template(
                "backoffice/history.html",
                moved_on=request.args.get("seen") != str(facts.version),
                **pages.parts(facts),
            ),
        )

    @blueprint.get("/people")
    @staff
    @answers_json
    def people() -> Response:
        """Active employees for the box to type into; the answer is JSON."""
        search = parse_list_request("", request.args, sorts=()).search
        return jsonify(
            [
                {"value": one.employee_id, "label": one.name, "hint": one.email}
                for one in colleagues.active(search, limit=_SUGGESTED)
            ]
        )
