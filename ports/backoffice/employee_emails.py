"""One address belongs to one employee."""

from typing import Protocol


class EmployeeEmails(Protocol):
    def reserve(self, email: str, employee_id: str) -> bool:
        """Give the address to an employee, for good, within the current unit of work. False:
        another employee has it. Two who try at the same time are told apart: the second waits for
        the first to commit."""
