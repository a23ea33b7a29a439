"""How the list reaches its rows. On SQLite, which plans by the indexes alone; PostgreSQL has the
same indexes and scans a table as small as a test's on purpose."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.backoffice.ticket_list import TicketList
from adapters.backoffice.unassigned_tickets import UnassignedTickets
from ports.backoffice.queries import (
    CountTickets,
    ListTickets,
    NextUnassignedTickets,
    TicketSort,
    TicketTypes,
    TicketView,
)
from tests.adapters.backoffice.tickets import ADA
from tests.support.context_database import OneConnection, migrated_engine

SEEN_ALL_DAY = [
    ListTickets(view=view, employee_id=ADA, sort=sort)
    for view in TicketView
    for sort in (TicketSort.NUMBER, TicketSort.CHANGED)
] + [ListTickets(type="task"), ListTickets(assignee_id=ADA)]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path_factory.mktemp('backoffice') / 'thicket.db'}"
    with migrated_engine("backoffice", url) as engine:
        yield engine


class Plans:
    """Collects how SQLite means to carry out what is asked meanwhile."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._asked: list[tuple[str, Any]] = []
        sa.event.listen(connection, "before_cursor_execute", self._note)

    def _note(self, _c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.startswith("EXPLAIN"):
            self._asked.append((statement, parameters))

    def lines(self) -> list[str]:
        return [
            str(line[-1])
            for statement, parameters in tuple(self._asked)
            for line in self._connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
        ]


def whole_tables_in(plans: list[str]) -> list[str]:
    return [line for line in plans if line.startswith("SCAN backoffice") and "INDEX" not in line]


def test_a_search_for_words_is_known_to_read_every_row(connections: OneConnection) -> None:
    plans = Plans(connections.current())

    TicketList(connections).list_tickets(ListTickets(search="fire", sort=TicketSort.SUBJECT))

    assert whole_tables_in(plans.lines()) != []


@pytest.mark.parametrize("wanted", SEEN_ALL_DAY)
def test_what_the_desk_sees_all_day_never_reads_every_row(
    connections: OneConnection, wanted: ListTickets
) -> None:
    plans = Plans(connections.current())

    TicketList(connections).list_tickets(wanted)

    assert any("INDEX backoffice_ticket_list" in line for line in plans.lines())
    assert whole_tables_in(plans.lines()) == []


@pytest.mark.parametrize("view", TicketView)
@pytest.mark.parametrize("sort", [TicketSort.NUMBER, TicketSort.CHANGED])
@pytest.mark.parametrize("search", ["1007", "#1007", "T-1007"])
def test_a_number_is_looked_up_by_the_indexes_and_by_nothing_else(
    connections: OneConnection, search: str, view: TicketView, sort: TicketSort
) -> None:
    plans = Plans(connections.current())

    wanted = ListTickets(search=search, view=view, employee_id=ADA, sort=sort)
    TicketList(connections).list_tickets(wanted)

    reads = [line for line in plans.lines() if "backoffice_ticket_list" in line]
    assert any("number=?" in line for line in reads)
    assert [line for line in reads if "(" not in line] == []


def test_tabs_types_and_waiting_tickets_never_read_every_row(connections: OneConnection) -> None:
    plans = Plans(connections.current())

    TicketList(connections).count(CountTickets(employee_id=ADA))
    TicketList(connections).types(TicketTypes())
    UnassignedTickets(connections).next(NextUnassignedTickets())

    assert any("INDEX backoffice_unassigned_ticket" in line for line in plans.lines())
    assert whole_tables_in(plans.lines()) == []
