import pytest

from adapters.backoffice.unassigned_tickets import UnassignedTickets
from ports.backoffice.queries import NextUnassignedTickets, UnassignedTicketRow
from tests.adapters.backoffice.tickets import (
    ADA,
    assigned,
    cancelled,
    feed_unassigned,
    prepared,
    reopened,
    resolved,
    ticket_id,
)
from tests.domain.minting import after
from tests.support.context_database import OneConnection


@pytest.fixture
def rows(connections: OneConnection) -> UnassignedTickets:
    return UnassignedTickets(connections)


def waiting(rows: UnassignedTickets, limit: int = 5) -> list[int]:
    return [row.number for row in rows.next(NextUnassignedTickets(limit=limit))]


def test_a_prepared_ticket_waits(rows: UnassignedTickets) -> None:
    feed_unassigned(rows, prepared(1001, issue_number=1007))

    assert rows.next(NextUnassignedTickets()) == (
        UnassignedTicketRow(
            ticket_id=ticket_id(1001),
            number=1001,
            issue_number=1007,
            type="customer-issue",
            subject="Subject 1001",
            waiting_since=after(1001),
        ),
    )


def test_who_waits_longest_comes_first_and_the_list_is_bounded(rows: UnassignedTickets) -> None:
    feed_unassigned(rows, *(prepared(number) for number in range(1010, 1000, -1)))

    assert waiting(rows, limit=3) == [1001, 1002, 1003]
    assert waiting(rows, limit=-1) == []


def test_an_assigned_or_cancelled_ticket_waits_no_longer(rows: UnassignedTickets) -> None:
    feed_unassigned(rows, prepared(1001), prepared(1002), prepared(1003))
    feed_unassigned(rows, assigned(1001), cancelled(1002))

    assert waiting(rows) == [1003]


def test_a_ticket_that_is_reopened_without_an_assignee_waits_anew(rows: UnassignedTickets) -> None:
    feed_unassigned(rows, prepared(1001), prepared(1003))
    feed_unassigned(rows, assigned(1001), resolved(1001), reopened(1001))

    assert waiting(rows) == [1003, 1001]
    assert rows.next(NextUnassignedTickets())[1].waiting_since == after(1005)


def test_a_ticket_that_is_reopened_for_its_assignee_does_not_wait(rows: UnassignedTickets) -> None:
    feed_unassigned(rows, prepared(1001), assigned(1001), resolved(1001), reopened(1001, ADA))

    assert waiting(rows) == []


def test_an_event_that_is_fed_twice_changes_nothing(rows: UnassignedTickets) -> None:
    feed_unassigned(rows, prepared(1001), prepared(1001))
    feed_unassigned(rows, prepared(1002), cancelled(1002), cancelled(1002))

    assert waiting(rows) == [1001]


def test_a_reset_empties_the_rows(rows: UnassignedTickets) -> None:
    feed_unassigned(rows, prepared(1001))

    rows.empty()

    assert waiting(rows) == []
