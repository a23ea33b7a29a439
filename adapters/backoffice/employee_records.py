"""An employee as a row, and back."""

from collections.abc import Mapping
from typing import Any

from adapters.backoffice.searching import searchable
from adapters.backoffice.tables import employee
from adapters.sql.repositories import RecordMapping
from domain.backoffice.employee.employee import Employee
from domain.email_address import EmailAddress

_PLAIN = (
    "employee_id",
    "account_id",
    "name",
    "active",
    "registered_at",
    "activated_at",
    "deactivated_at",
    "invited_at",
)


def _to_row(aggregate: Employee) -> Mapping[str, Any]:
    row: dict[str, Any] = {name: getattr(aggregate, name) for name in _PLAIN}
    row["email"] = aggregate.email.text
    row["name_key"] = aggregate.name.casefold()
    row["search_text"] = searchable(aggregate.name, aggregate.email.text)
    return row


def _from_row(row: Mapping[str, Any]) -> Employee:
    plain: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Employee(**plain, email=EmailAddress(row["email"]))


EMPLOYEE_RECORDS = RecordMapping(
    aggregate="employee",
    table=employee,
    to_row=_to_row,
    from_row=_from_row,
    identifier="employee_id",
)
