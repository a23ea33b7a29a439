"""Employees, as far as tickets need to know them."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeEntry:
    employee_id: str
    name: str
    active: bool


class EmployeeDirectory(Protocol):
    def find(self, employee_id: str) -> EmployeeEntry | None:
        """As of now, within the current unit of work; None: nobody has this id."""
