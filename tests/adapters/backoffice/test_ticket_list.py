from typing import Any

import pytest

from adapters.backoffice.ticket_list import TicketList
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
from tests.adapters.backoffice.tickets import (
    ADA,
    BOB,
    assigned,
    cancelled,
    feed_list,
    prepared,
    reassigned,
    reopened,
    resolved,
    ticket_id,
)
from tests.domain.minting import after
from tests.support.context_database import OneConnection


@pytest.fixture
def rows(connections: OneConnection) -> TicketList:
    return TicketList(connections)


def numbers(rows: TicketList, **wanted: Any) -> list[int]:
    return [row.number for row in rows.list_tickets(ListTickets(**wanted)).rows]


def only_row(rows: TicketList) -> TicketRow:
    (row,) = rows.list_tickets(ListTickets()).rows
    return row


def test_a_prepared_ticket_appears_unassigned(rows: TicketList) -> None:
    feed_list(
        rows, prepared(1001, issue_number=1007, description="  It burns.\n\n\tPlease   help. ")
    )

    assert rows.list_tickets(ListTickets()) == TicketPage(
        rows=(
            TicketRow(
                ticket_id=ticket_id(1001),
                number=1001,
                issue_number=1007,
                type="customer-issue",
                subject="Subject 1001",
                summary="It burns. Please help.",
                customer_email="ann@example.com",
                state=TicketState.UNASSIGNED,
                assignee_id="",
                assignee_name="",
                prepared_at=after(1001),
                changed_at=after(1001),
            ),
        ),
        total=1,
        page=1,
        page_size=25,
    )


def test_the_list_follows_a_ticket_through_its_life(rows: TicketList) -> None:
    seen = []
    for event in (
        prepared(1001),
        assigned(1001, ADA),
        reassigned(1001, BOB),
        resolved(1001),
        reopened(1001),
        assigned(1001, ADA, after(1010)),
        resolved(1001),
        reopened(1001, ADA),
        cancelled(1001),
    ):
        feed_list(rows, event)
        row = only_row(rows)
        seen.append((row.state.value, row.assignee_name))

    assert seen == [
        ("unassigned", ""),
        ("assigned", "Ada"),
        ("assigned", "Bob"),
        ("resolved", "Bob"),
        ("unassigned", ""),
        ("assigned", "Ada"),
        ("resolved", "Ada"),
        ("assigned", "Ada"),
        ("cancelled", "Ada"),
    ]
    assert only_row(rows).changed_at == after(1006)


def test_an_event_that_is_fed_twice_changes_nothing(rows: TicketList) -> None:
    feed_list(rows, prepared(1001), prepared(1001), assigned(1001), assigned(1001))

    assert only_row(rows).assignee_name == "Ada"


def test_a_very_long_description_is_cut_in_the_list(rows: TicketList) -> None:
    feed_list(rows, prepared(1001, description="ü" * 20_000))

    assert only_row(rows).summary == "ü" * 200


@pytest.fixture
def five(rows: TicketList) -> TicketList:
    """1001 unassigned, 1002 Ada's, 1003 Bob's, 1004 resolved by Ada, 1005 cancelled."""
    feed_list(rows, *(prepared(number) for number in range(1001, 1006)))
    feed_list(rows, assigned(1002), assigned(1003, BOB), assigned(1004), resolved(1004))
    feed_list(rows, cancelled(1005))
    return rows


@pytest.mark.parametrize(
    ("view", "found"),
    [
        (TicketView.UNASSIGNED, [1001]),
        (TicketView.MINE, [1002]),
        (TicketView.ALL, [1005, 1004, 1003, 1002, 1001]),
        (TicketView.CLOSED, [1005, 1004]),
    ],
)
def test_each_view_shows_its_tickets(five: TicketList, view: TicketView, found: list[int]) -> None:
    assert numbers(five, view=view, employee_id=ADA) == found


def test_the_tabs_count_what_the_views_show(five: TicketList) -> None:
    assert five.count(CountTickets(employee_id=ADA)) == TicketCounts(
        unassigned=1, mine=1, all=5, closed=2
    )


def test_nobody_has_no_tickets_of_their_own(five: TicketList) -> None:
    assert numbers(five, view=TicketView.MINE) == []
    assert five.count(CountTickets()).mine == 0


def test_filters_narrow_a_view(five: TicketList) -> None:
    assert numbers(five, state=TicketState.ASSIGNED) == [1003, 1002]
    assert numbers(five, assignee_id=ADA) == [1004, 1002]
    assert numbers(five, assignee_id=ADA, state=TicketState.RESOLVED) == [1004]
    assert numbers(five, view=TicketView.UNASSIGNED, state=TicketState.RESOLVED) == []
    assert numbers(five, type="task") == []


def test_the_types_in_use_can_be_listed(rows: TicketList) -> None:
    nothing = rows.types(TicketTypes())
    feed_list(rows, prepared(1001, type="task"), prepared(1002, type="customer-issue"))
    feed_list(rows, prepared(1003, type="task"))

    assert nothing == ()
    assert rows.types(TicketTypes()) == ("customer-issue", "task")
    assert numbers(rows, type="task") == [1003, 1001]


@pytest.fixture
def searched(rows: TicketList) -> TicketList:
    feed_list(
        rows,
        prepared(1001, subject="Printer ÜBERHITZT", description="Smoke & fire"),
        prepared(1002, subject="100% of disk used", customer_email="bob_smith@example.com"),
        prepared(1003, subject="Odd path", description=r"C:\temp\file is locked"),
    )
    return rows


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("printer", [1001]),
        ("überhitzt", [1001]),
        ("FIRE", [1001]),
        ("fire printer", [1001]),
        ("printer disk", []),
        ("bob_smith", [1002]),
        ("BOB", [1002]),
        ("100%", [1002]),
        ("%", [1002]),
        ("_", [1002]),
        (r"c:\temp", [1003]),
        ("\\", [1003]),
        ("/", []),
        ("'; DROP TABLE backoffice_ticket_list; --", []),
        ("\x00", [1003, 1002, 1001]),
        ("  ", [1003, 1002, 1001]),
    ],
)
def test_words_are_found_anywhere_and_taken_literally(
    searched: TicketList, search: str, found: list[int]
) -> None:
    assert numbers(searched, search=search) == found


@pytest.fixture
def numbered(rows: TicketList) -> TicketList:
    """Two series side by side: what is 1008 in one of them is somebody else in the other."""
    feed_list(
        rows,
        prepared(1007, issue_number=1006, subject="Error 404 on T-1008"),
        prepared(1008, issue_number=1007, subject="As said in #1008"),
        prepared(1009, issue_number=1008, subject="Printer", customer_email="0301234@example.com"),
        prepared(1010, subject="Call 03012345678 about 10"),
    )
    return rows


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("#1007", [1008]),
        ("T-1007", [1007]),
        ("t-1007", [1007]),
        ("1007", [1008, 1007]),
        (" 1008 ", [1009, 1008]),
        ("#1010", []),
        ("T-1006", []),
        ("100", []),
        ("10", []),
        ("404", []),
        ("404 error", [1007]),
        ("1007 error", [1007]),
        ("#1006 error", [1007]),
        ("#1007 error", []),
        ("#1008 said", []),
        ("T-1008 error", []),
        ("1008 said", [1008]),
        ("03012345678", [1010]),
        ("0301234", [1010, 1009]),
        ("\u0661\u0660\u0660\u0667", []),
        ("9" * 40, []),
        ("#", [1008]),
        ("T-", [1007]),
    ],
)
def test_numbers_of_tickets_and_issues_are_found_exactly(
    numbered: TicketList, search: str, found: list[int]
) -> None:
    assert numbers(numbered, search=search) == found


def test_a_ticket_stored_before_issues_had_numbers_at_the_desk_is_shown_without_one(
    rows: TicketList,
) -> None:
    feed_list(rows, prepared(1001))

    assert only_row(rows).issue_number is None


def test_an_endless_search_is_cut_and_answered(searched: TicketList) -> None:
    assert numbers(searched, search="printer " * 10_000) == [1001]


@pytest.mark.parametrize(
    ("sort", "ascending"),
    [
        (TicketSort.NUMBER, [1001, 1002, 1003]),
        (TicketSort.SUBJECT, [1003, 1002, 1001]),
        (TicketSort.TYPE, [1003, 1001, 1002]),
        (TicketSort.CUSTOMER, [1002, 1003, 1001]),
        (TicketSort.ASSIGNEE, [1001, 1002, 1003]),
        (TicketSort.STATE, [1003, 1002, 1001]),
        (TicketSort.PREPARED, [1001, 1002, 1003]),
        (TicketSort.CHANGED, [1001, 1003, 1002]),
    ],
)
def test_tickets_are_sorted_as_asked(
    rows: TicketList, sort: TicketSort, ascending: list[int]
) -> None:
    feed_list(
        rows,
        prepared(1001, subject="cherry", type="incident"),
        prepared(1002, subject="Banana", type="task", customer_email="a@example.com"),
        prepared(1003, subject="apple", type="incident"),
    )
    feed_list(rows, assigned(1003, BOB, after(2001)), assigned(1002, ADA, after(2002)))

    assert numbers(rows, sort=sort, descending=False) == ascending


def test_pages_follow_each_other_without_gap_or_repetition(rows: TicketList) -> None:
    feed_list(rows, *(prepared(number) for number in range(1001, 1008)))

    pages = [
        rows.list_tickets(ListTickets(page=page, page_size=3, sort=TicketSort.CUSTOMER))
        for page in (1, 2, 3, 4)
    ]

    assert [[row.number for row in page.rows] for page in pages] == [
        [1007, 1006, 1005],
        [1004, 1003, 1002],
        [1001],
        [],
    ]
    assert {page.total for page in pages} == {7}


@pytest.mark.parametrize(
    ("page", "page_size", "used"),
    [(0, 25, (1, 25)), (-5, 0, (1, 1)), (1, 10**9, (1, 200)), (10**12, 100, (1_000, 100))],
)
def test_page_and_page_size_are_bounded(
    rows: TicketList, page: int, page_size: int, used: tuple[int, int]
) -> None:
    answer = rows.list_tickets(ListTickets(page=page, page_size=page_size))

    assert (answer.page, answer.page_size) == used


def test_a_reset_empties_the_list(five: TicketList) -> None:
    five.empty()

    assert numbers(five) == []
