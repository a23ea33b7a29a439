"""Who of the desk is looking, and whom work can be given to."""

from app.identity.sessions import signed_in_account
from ports.backoffice.queries import (
    LARGEST_PAGE,
    ActiveEmployee,
    ActiveEmployees,
    EmployeeDetails,
    EmployeeFacts,
    EmployeeOfAccount,
)
from ports.inbound.buses import QueryBus
from ports.outbound.accounts import Role


class Colleagues:
    """Asks for every request anew; nothing is kept."""

    def __init__(self, queries: QueryBus) -> None:
        self._queries = queries

    def myself(self) -> EmployeeFacts | None:
        """The employee who is signed in; None for an operator."""
        account = signed_in_account()
        if account.role is not Role.EMPLOYEE:
            return None
        found: EmployeeFacts | None = self._queries.ask(
            EmployeeOfAccount(account_id=account.account_id)
        )
        return found

    def find(self, employee_id: str) -> EmployeeFacts | None:
        found: EmployeeFacts | None = self._queries.ask(EmployeeDetails(employee_id=employee_id))
        return found

    def active(self, search: str = "", *, limit: int = LARGEST_PAGE) -> tuple[ActiveEmployee, ...]:
        found: tuple[ActiveEmployee, ...] = self._queries.ask(
            ActiveEmployees(search=search, limit=limit)
        )
        return found


def is_operator() -> bool:
    return signed_in_account().role is Role.OPERATOR
