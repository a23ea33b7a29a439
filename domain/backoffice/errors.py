"""What Backoffice refuses, whatever it is about."""

from ports.errors import Refusal


class BackofficeError(Refusal):
    """A rule of Backoffice said no."""


class NoSuchEmployee(BackofficeError):
    def __init__(self, employee_id: str) -> None:
        super().__init__("there is no such employee")
        self.employee_id = employee_id


class EmployeeIsInactive(BackofficeError):
    def __init__(self, employee_id: str, name: str) -> None:
        super().__init__(f"{name} is not an active employee")
        self.employee_id = employee_id
        self.name = name
