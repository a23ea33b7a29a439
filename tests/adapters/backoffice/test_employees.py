from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.backoffice.employee_directory import SqlEmployeeDirectory
from adapters.backoffice.employee_queries import EmployeeQueries
from adapters.backoffice.employee_records import EMPLOYEE_RECORDS
from adapters.backoffice.tables import employee
from adapters.backoffice.ticket_list import TicketList
from domain.backoffice.employee.employee import Employee
from domain.email_address import EmailAddress
from ports.backoffice.employees import EmployeeEntry
from ports.backoffice.queries import (
    ActiveEmployee,
    ActiveEmployees,
    EmployeeDetails,
    EmployeeFacts,
    EmployeeOfAccount,
    EmployeePage,
    EmployeeRow,
    EmployeeSort,
    EmployeeStatus,
    ListEmployees,
)
from tests.adapters.backoffice.tickets import assigned, feed_list, prepared, resolved
from tests.domain.minting import NOON, after, uuid_text
from tests.support.context_database import OneConnection


def somebody(number: int, name: str, *, active: bool = True, **differences: Any) -> Employee:
    return Employee(
        **{
            "employee_id": uuid_text(number),
            "account_id": uuid_text(100 + number),
            "name": name,
            "email": EmailAddress(f"{name.split()[0].lower()}@example.com"),
            "registered_at": NOON + timedelta(minutes=number),
            "active": active,
            **differences,
        }
    )


def store(connections: OneConnection, *employees: Employee) -> None:
    rows = [{**EMPLOYEE_RECORDS.to_row(stored), "version": 1} for stored in employees]
    connections.current().execute(employee.insert(), rows)


ADA = somebody(11, "Ada Lovelace", activated_at=after(1), invited_at=after(1))
BOB = somebody(12, "bob Noyce", email=EmailAddress("zz_top@example.com"))
EVE = somebody(13, "Eve", active=False, deactivated_at=after(9))


@pytest.fixture
def queries(connections: OneConnection) -> EmployeeQueries:
    store(connections, BOB, EVE, ADA)
    return EmployeeQueries(connections)


@pytest.fixture
def busy_ada(queries: EmployeeQueries, connections: OneConnection) -> EmployeeQueries:
    """Ada works on two tickets and has resolved a third."""
    tickets = TicketList(connections)
    feed_list(tickets, prepared(1001), prepared(1002), prepared(1003), prepared(1004))
    feed_list(tickets, assigned(1001), assigned(1002), assigned(1003), resolved(1003))
    return queries


def names(queries: EmployeeQueries, **wanted: Any) -> list[str]:
    return [row.name for row in queries.list_employees(ListEmployees(**wanted)).rows]


def test_an_employee_comes_back_from_the_row_as_before(connections: OneConnection) -> None:
    store(connections, ADA)

    row = connections.current().execute(sa.select(employee)).mappings().one()
    back = EMPLOYEE_RECORDS.from_row(dict(row))

    for name in Employee.__dataclass_fields__:
        assert getattr(back, name) == getattr(ADA, name)


def test_every_column_but_the_version_is_written() -> None:
    written = set(EMPLOYEE_RECORDS.to_row(ADA))

    assert written == {column.name for column in employee.columns} - {"version"}


def test_the_list_shows_employees_by_name_with_their_open_tickets(
    busy_ada: EmployeeQueries,
) -> None:
    page = busy_ada.list_employees(ListEmployees(page_size=2))

    assert page == EmployeePage(
        rows=(
            EmployeeRow(
                employee_id=uuid_text(11),
                name="Ada Lovelace",
                email="ada@example.com",
                status=EmployeeStatus.ACTIVE,
                open_tickets=2,
                registered_at=after(11),
            ),
            EmployeeRow(
                employee_id=uuid_text(12),
                name="bob Noyce",
                email="zz_top@example.com",
                status=EmployeeStatus.ACTIVE,
                open_tickets=0,
                registered_at=after(12),
            ),
        ),
        total=3,
        page=1,
        page_size=2,
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"search": "LOVE"}, ["Ada Lovelace"]),
        ({"search": "zz_"}, ["bob Noyce"]),
        ({"search": "%"}, []),
        ({"status": EmployeeStatus.INACTIVE}, ["Eve"]),
        ({"status": EmployeeStatus.ACTIVE, "search": "eve"}, []),
        ({"sort": EmployeeSort.NAME, "descending": True}, ["Eve", "bob Noyce", "Ada Lovelace"]),
        ({"sort": EmployeeSort.EMAIL}, ["Ada Lovelace", "Eve", "bob Noyce"]),
        ({"sort": EmployeeSort.STATUS}, ["Ada Lovelace", "bob Noyce", "Eve"]),
        ({"sort": EmployeeSort.STATUS, "descending": True}, ["Eve", "Ada Lovelace", "bob Noyce"]),
        ({"sort": EmployeeSort.REGISTERED}, ["Ada Lovelace", "bob Noyce", "Eve"]),
        ({"page": 2, "page_size": 2}, ["Eve"]),
        ({"page": 3, "page_size": 2}, []),
    ],
)
def test_employees_are_searched_filtered_sorted_and_paged(
    queries: EmployeeQueries, wanted: dict[str, Any], found: list[str]
) -> None:
    assert names(queries, **wanted) == found


def test_the_details_of_an_employee_are_found_by_id_and_by_account(
    busy_ada: EmployeeQueries,
) -> None:
    facts = EmployeeFacts(
        employee_id=uuid_text(11),
        account_id=uuid_text(111),
        name="Ada Lovelace",
        email="ada@example.com",
        status=EmployeeStatus.ACTIVE,
        open_tickets=2,
        registered_at=after(11),
        activated_at=after(1),
        deactivated_at=None,
        invited_at=after(1),
    )

    assert busy_ada.details(EmployeeDetails(employee_id=uuid_text(11))) == facts
    assert busy_ada.of_account(EmployeeOfAccount(account_id=uuid_text(111))) == facts


def test_nobody_is_found_under_an_unknown_id(queries: EmployeeQueries) -> None:
    assert queries.details(EmployeeDetails(employee_id="' OR 1=1 --")) is None
    assert queries.of_account(EmployeeOfAccount(account_id=uuid_text(11))) is None


def test_only_active_employees_can_be_picked(queries: EmployeeQueries) -> None:
    assert queries.active(ActiveEmployees()) == (
        ActiveEmployee(employee_id=uuid_text(11), name="Ada Lovelace", email="ada@example.com"),
        ActiveEmployee(employee_id=uuid_text(12), name="bob Noyce", email="zz_top@example.com"),
    )
    assert queries.active(ActiveEmployees(search="eve")) == ()
    assert len(queries.active(ActiveEmployees(limit=1))) == 1


def test_the_directory_knows_who_is_active(
    queries: EmployeeQueries, connections: OneConnection
) -> None:
    directory = SqlEmployeeDirectory(connections)

    assert directory.find(uuid_text(11)) == EmployeeEntry(
        employee_id=uuid_text(11), name="Ada Lovelace", active=True
    )
    assert directory.find(uuid_text(13)) == EmployeeEntry(
        employee_id=uuid_text(13), name="Eve", active=False
    )
    assert directory.find(uuid_text(99)) is None
