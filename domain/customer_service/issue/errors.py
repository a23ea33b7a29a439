"""What an issue refuses."""

from domain.customer_service.errors import CustomerServiceError
from ports.contracts.numbers import issue_label


class IssueFieldIsInvalid(CustomerServiceError):
    """``field`` is the name of the command's attribute; ``problem`` is for whoever filled it in."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"an issue cannot be reported like this: its {field} {problem}")
        self.field = field
        self.problem = problem


class IssueIsFinished(CustomerServiceError):
    """The same was said again after the work on it had ended: that is another issue."""

    def __init__(self, issue_id: str, number: int) -> None:
        super().__init__(f"issue {issue_label(number)} is finished; report another one")
        self.issue_id = issue_id
        self.number = number


class IssueIsReportedAlready(CustomerServiceError):
    """The same form was sent twice, with different content."""

    def __init__(self, issue_id: str, number: int) -> None:
        super().__init__(f"issue {issue_label(number)} is reported already, with different content")
        self.issue_id = issue_id
        self.number = number
