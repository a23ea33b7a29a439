"""What the pages ask about employees, answered from their table: always fresh, except for how many
tickets they work on, which ``ticket_list`` knows."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from adapters.backoffice.paging import bounded, count_up_to_limit, on_page
from adapters.backoffice.searching import found_in
from adapters.backoffice.tables import employee, ticket_list
from adapters.sql.connections import Connections
from ports.backoffice.queries import (
    LARGEST_PAGE,
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
    TicketState,
)
from ports.inbound.handlers import query_handler

_SORTS: Mapping[EmployeeSort, sa.ColumnElement[Any]] = {
    EmployeeSort.NAME: employee.c.name_key,
    EmployeeSort.EMAIL: employee.c.email,
    EmployeeSort.STATUS: employee.c.active,
    EmployeeSort.REGISTERED: employee.c.registered_at,
}
_DETAILS = sa.select(employee).where(employee.c.employee_id == sa.bindparam("employee_id"))
_OF_ACCOUNT = sa.select(employee).where(employee.c.account_id == sa.bindparam("account_id"))


class EmployeeQueries:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @query_handler()
    def list_employees(self, query: ListEmployees) -> EmployeePage:
        page, page_size = bounded(query.page, query.page_size)
        conditions = found_in(employee.c.search_text, query.search)
        if query.status is not None:
            conditions.append(employee.c.active == (query.status is EmployeeStatus.ACTIVE))
        select = sa.select(employee).where(*conditions).order_by(*_order(query))
        connection = self._connections.current()
        rows = connection.execute(on_page(select, page, page_size)).mappings().all()
        total = connection.execute(count_up_to_limit(employee, conditions)).scalar_one()
        open_tickets = self._open_tickets([row["employee_id"] for row in rows])
        return EmployeePage(
            rows=tuple(
                EmployeeRow(
                    employee_id=row["employee_id"],
                    name=row["name"],
                    email=row["email"],
                    status=_status(row),
                    open_tickets=open_tickets.get(row["employee_id"], 0),
                    registered_at=row["registered_at"],
                )
                for row in rows
            ),
            total=total,
            page=page,
            page_size=page_size,
        )

    @query_handler()
    def details(self, query: EmployeeDetails) -> EmployeeFacts | None:
        return self._facts(_DETAILS, {"employee_id": query.employee_id})

    @query_handler()
    def of_account(self, query: EmployeeOfAccount) -> EmployeeFacts | None:
        return self._facts(_OF_ACCOUNT, {"account_id": query.account_id})

    @query_handler()
    def active(self, query: ActiveEmployees) -> tuple[ActiveEmployee, ...]:
        select = (
            sa.select(employee.c.employee_id, employee.c.name, employee.c.email)
            .where(employee.c.active == sa.true(), *found_in(employee.c.search_text, query.search))
            .order_by(employee.c.name_key, employee.c.employee_id)
            .limit(max(0, min(query.limit, LARGEST_PAGE)))
        )
        found = self._connections.current().execute(select)
        return tuple(ActiveEmployee(**row) for row in found.mappings())

    def _facts(self, select: sa.Select[Any], values: Mapping[str, str]) -> EmployeeFacts | None:
        row = self._connections.current().execute(select, values).mappings().one_or_none()
        if row is None:
            return None
        return EmployeeFacts(
            employee_id=row["employee_id"],
            account_id=row["account_id"],
            name=row["name"],
            email=row["email"],
            status=_status(row),
            open_tickets=self._open_tickets([row["employee_id"]]).get(row["employee_id"], 0),
            registered_at=row["registered_at"],
            activated_at=row["activated_at"],
            deactivated_at=row["deactivated_at"],
            invited_at=row["invited_at"],
        )

    def _open_tickets(self, employee_ids: Sequence[str]) -> dict[str, int]:
        if not employee_ids:
            return {}
        counted = (
            sa.select(ticket_list.c.assignee_id, sa.func.count())
            .where(
                ticket_list.c.assignee_id.in_(employee_ids),
                ticket_list.c.state == TicketState.ASSIGNED.value,
            )
            .group_by(ticket_list.c.assignee_id)
        )
        found = self._connections.current().execute(counted)
        return {row[0]: row[1] for row in found}


def _order(query: ListEmployees) -> list[sa.ColumnElement[Any]]:
    sort = _SORTS[query.sort]
    # Ascending by status means "active" first, which is stored as true.
    downwards = query.descending is not (query.sort is EmployeeSort.STATUS)
    first = sort.desc() if downwards else sort.asc()
    return [first, employee.c.name_key, employee.c.employee_id]


def _status(row: Mapping[Any, Any]) -> EmployeeStatus:
    return EmployeeStatus.ACTIVE if row["active"] else EmployeeStatus.INACTIVE
