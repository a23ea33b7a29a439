"""The list of all tickets: facts turned into rows, and the questions that the rows answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from adapters.backoffice.paging import bounded, count_up_to_limit, on_page
from adapters.backoffice.searching import has_word, searchable, words_of
from adapters.backoffice.tables import ticket_list
from adapters.sql.connections import Connections
from domain.backoffice.ticket.messages import (
    TicketWasAssigned,
    TicketWasCancelled,
    TicketWasPrepared,
    TicketWasReassigned,
    TicketWasReopened,
    TicketWasResolved,
)
from domain.plain_text import one_line
from ports.backoffice.queries import (
    CountTickets,
    ListTickets,
    TicketCounts,
    TicketPage,
    TicketRow,
    TicketSort,
    TicketState,
    TicketTypes,
    TicketView,
)
from ports.contracts.numbers import issue_number_in, ticket_number_in
from ports.inbound.handlers import event_handler, query_handler
from ports.inbound.projections import projection, resets

CHANNEL = "asynchronous_projections"

_SUMMARY = 200  # characters of the description that the list shows
_SEARCHED = 2_000  # characters of the description that are searched
_SORTED = 100  # characters of the subject that are sorted by
_MOST_TYPES = 100

_list = ticket_list.c

_PREPARED = {
    dialect: insert(ticket_list).on_conflict_do_nothing(index_elements=["ticket_id"])
    for dialect, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}
_MOVED = (
    sa.update(ticket_list)
    .where(_list.ticket_id == sa.bindparam("of_ticket"))
    .values(state=sa.bindparam("to_state"), changed_at=sa.bindparam("at"))
)
_GIVEN = _MOVED.values(assignee_id=sa.bindparam("to_id"), assignee_name=sa.bindparam("to_name"))

_ROW = (
    _list.ticket_id,
    _list.number,
    _list.issue_number,
    _list.type,
    _list.subject,
    _list.summary,
    _list.customer_email,
    _list.state,
    _list.assignee_id,
    _list.assignee_name,
    _list.prepared_at,
    _list.changed_at,
)
_SORTS: Mapping[TicketSort, sa.ColumnElement[Any]] = {
    TicketSort.NUMBER: _list.number,
    TicketSort.SUBJECT: _list.subject_key,
    TicketSort.TYPE: _list.type,
    TicketSort.CUSTOMER: _list.customer_email,
    TicketSort.ASSIGNEE: _list.assignee_name,
    TicketSort.STATE: _list.state,
    TicketSort.PREPARED: _list.prepared_at,
    TicketSort.CHANGED: _list.changed_at,
}
_CLOSED = (TicketState.RESOLVED, TicketState.CANCELLED)


@projection("ticket_list", streams=("ticket",), channel=CHANNEL)
class TicketList:
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
                "subject_key": event.subject.casefold()[:_SORTED],
                "summary": one_line(event.description[: 2 * _SUMMARY])[:_SUMMARY],
                "customer_email": event.customer_email,
                "state": TicketState.UNASSIGNED.value,
                "assignee_id": "",
                "assignee_name": "",
                "prepared_at": event.prepared_at,
                "changed_at": event.prepared_at,
                "search_text": searchable(
                    event.subject,
                    event.customer_email,
                    event.description[:_SEARCHED],
                ),
            },
        )

    @event_handler()
    def assigned(self, event: TicketWasAssigned | TicketWasReassigned) -> None:
        self._give(event, TicketState.ASSIGNED, event.assigned_at)

    @event_handler()
    def resolved(self, event: TicketWasResolved) -> None:
        self._move(event.ticket_id, TicketState.RESOLVED, event.resolved_at)

    @event_handler()
    def reopened(self, event: TicketWasReopened) -> None:
        state = TicketState.ASSIGNED if event.assignee_id else TicketState.UNASSIGNED
        self._give(event, state, event.reopened_at)

    @event_handler()
    def cancelled(self, event: TicketWasCancelled) -> None:
        self._move(event.ticket_id, TicketState.CANCELLED, event.cancelled_at)

    @resets
    def empty(self) -> None:
        self._connections.current().execute(sa.delete(ticket_list))

    @query_handler()
    def list_tickets(self, query: ListTickets) -> TicketPage:
        page, page_size = bounded(query.page, query.page_size)
        conditions = _conditions(query)
        sort = _SORTS[query.sort]
        order = [sort.desc() if query.descending else sort.asc()]
        if sort is not _list.number:
            order.append(_list.number.desc())
        select = sa.select(*_ROW).where(*conditions).order_by(*order)
        connection = self._connections.current()
        rows = connection.execute(on_page(select, page, page_size)).mappings().all()
        total = connection.execute(count_up_to_limit(ticket_list, conditions)).scalar_one()
        return TicketPage(rows=_rows(rows), total=total, page=page, page_size=page_size)

    @query_handler()
    def count(self, query: CountTickets) -> TicketCounts:
        connection = self._connections.current()
        counts = {
            view: connection.execute(
                count_up_to_limit(ticket_list, _in_view(view, query.employee_id))
            ).scalar_one()
            for view in TicketView
        }
        return TicketCounts(
            unassigned=counts[TicketView.UNASSIGNED],
            mine=counts[TicketView.MINE],
            all=counts[TicketView.ALL],
            closed=counts[TicketView.CLOSED],
        )

    @query_handler()
    def types(self, query: TicketTypes) -> tuple[str, ...]:
        found = self._connections.current().execute(_DISTINCT_TYPES)
        return tuple(found.scalars())

    def _move(self, ticket_id: str, state: TicketState, at: datetime) -> None:
        self._connections.write(_MOVED, {"of_ticket": ticket_id, "to_state": state.value, "at": at})

    def _give(
        self,
        event: TicketWasAssigned | TicketWasReassigned | TicketWasReopened,
        state: TicketState,
        at: datetime,
    ) -> None:
        self._connections.write(
            _GIVEN,
            {
                "of_ticket": event.ticket_id,
                "to_state": state.value,
                "at": at,
                "to_id": event.assignee_id,
                "to_name": event.assignee_name,
            },
        )


def _conditions(query: ListTickets) -> list[sa.ColumnElement[bool]]:
    conditions = _in_view(query.view, query.employee_id)
    if query.state is not None:
        conditions.append(_list.state == query.state.value)
    if query.assignee_id:
        conditions.append(_list.assignee_id == query.assignee_id)
    if query.type:
        conditions.append(_list.type == query.type)
    return conditions + _found(query.search)


def _found(search: str) -> list[sa.ColumnElement[bool]]:
    words = words_of(search)
    return [_has(word, alone=len(words) == 1) for word in words]


def _has(word: str, *, alone: bool) -> sa.ColumnElement[bool]:
    """A word that is a number is looked up by the indexes. Beside other words it may as well stand
    in the text, which is then read anyway; one that is marked as a number never does."""
    ticket, issue = ticket_number_in(word), issue_number_in(word)
    numbered = [
        sa.select(_list.ticket_id).where(column == number)
        for column, number in ((_list.number, ticket), (_list.issue_number, issue))
        if number is not None
    ]
    if not numbered:
        return has_word(_list.search_text, word)
    # Not joined by OR: with one, the planner may prefer to walk the whole list in its order.
    by_number = _list.ticket_id.in_(sa.union_all(*numbered))
    if len(numbered) == 1 or alone:
        return by_number
    return sa.or_(by_number, has_word(_list.search_text, word))


def _in_view(view: TicketView, employee_id: str) -> list[sa.ColumnElement[bool]]:
    match view:
        case TicketView.UNASSIGNED:
            return [_list.state == TicketState.UNASSIGNED.value]
        case TicketView.MINE:
            # Nobody's tickets are not those without an assignee.
            mine = _list.assignee_id == employee_id if employee_id else sa.false()
            return [mine, _list.state == TicketState.ASSIGNED.value]
        case TicketView.CLOSED:
            return [_list.state.in_([state.value for state in _CLOSED])]
        case TicketView.ALL:
            return []


def _rows(found: Sequence[Mapping[Any, Any]]) -> tuple[TicketRow, ...]:
    return tuple(TicketRow(**{**row, "state": TicketState(row["state"])}) for row in found)


def _distinct_types() -> sa.Select[str]:
    """From one type to the next by the index, so that the number of tickets does not matter."""
    first = sa.select(sa.func.min(_list.type).label("type")).cte("types", recursive=True)
    following = (
        sa.select(sa.func.min(_list.type)).where(_list.type > first.c.type).scalar_subquery()
    )
    types = first.union_all(sa.select(following).where(first.c.type.is_not(None)))
    return sa.select(types.c.type).where(types.c.type.is_not(None)).limit(_MOST_TYPES)


_DISTINCT_TYPES = _distinct_types()
