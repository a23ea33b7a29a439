"""Employees and their addresses, as the rules of Backoffice need them."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from adapters.backoffice.tables import employee, employee_email
from adapters.sql.connections import Connections
from ports.backoffice.employees import EmployeeEntry

_FIND = sa.select(employee.c.employee_id, employee.c.name, employee.c.active).where(
    employee.c.employee_id == sa.bindparam("employee_id")
)
_RESERVE = {
    dialect: insert(employee_email).on_conflict_do_nothing(index_elements=["email"])
    for dialect, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}
_OWNER = sa.select(employee_email.c.employee_id).where(
    employee_email.c.email == sa.bindparam("email")
)


class SqlEmployeeDirectory:
    """See :class:`ports.backoffice.employees.EmployeeDirectory`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def find(self, employee_id: str) -> EmployeeEntry | None:
        found = self._connections.current().execute(_FIND, {"employee_id": employee_id})
        row = found.mappings().one_or_none()
        return None if row is None else EmployeeEntry(**row)


class SqlEmployeeEmails:
    """See :class:`ports.backoffice.employee_emails.EmployeeEmails`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def reserve(self, email: str, employee_id: str) -> bool:
        connection = self._connections.current()
        connection.execute(
            _RESERVE[connection.dialect.name], {"email": email, "employee_id": employee_id}
        )
        owner = connection.execute(_OWNER, {"email": email}).scalar_one()
        return bool(owner == employee_id)
