"""What an employee's record refuses."""

from domain.backoffice.errors import BackofficeError


class EmployeeFieldIsInvalid(BackofficeError):
    """``field`` is the name of the command's attribute; ``problem`` is for whoever filled it in."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"the employee's {field} {problem}")
        self.field = field
        self.problem = problem


class EmailIsTaken(BackofficeError):
    """Another employee has this address. The message does not repeat it: messages are kept."""

    def __init__(self) -> None:
        super().__init__("another employee is registered with this e-mail address")


class EmployeeIsRegisteredAlready(BackofficeError):
    """The same form was sent twice, with different content."""

    def __init__(self, employee_id: str, name: str) -> None:
        super().__init__(f"{name} is registered already, with other details")
        self.employee_id = employee_id
