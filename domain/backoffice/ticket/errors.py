"""What a ticket refuses."""

from domain.backoffice.errors import BackofficeError
from ports.contracts.numbers import ticket_label


class TicketFieldIsInvalid(BackofficeError):
    """``field`` is the name of the command's attribute; ``problem`` is for whoever filled it in."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"the ticket's {field} {problem}")
        self.field = field
        self.problem = problem


class TicketIsCancelled(BackofficeError):
    def __init__(self, ticket_id: str, number: int) -> None:
        super().__init__(
            f"ticket {ticket_label(number)} was cancelled; that is final, and it takes no more work"
        )
        self.ticket_id = ticket_id
        self.number = number


class TicketIsResolved(BackofficeError):
    def __init__(self, ticket_id: str, number: int) -> None:
        super().__init__(f"ticket {ticket_label(number)} is resolved; reopen it first")
        self.ticket_id = ticket_id
        self.number = number


class TicketIsNotAssigned(BackofficeError):
    def __init__(self, ticket_id: str, number: int) -> None:
        super().__init__(
            f"nobody works on ticket {ticket_label(number)}; assign it before it is resolved"
        )
        self.ticket_id = ticket_id
        self.number = number


class TicketIsTaken(BackofficeError):
    """Taking never takes away from somebody else; assigning does."""

    def __init__(self, ticket_id: str, number: int, assignee_name: str) -> None:
        super().__init__(f"{assignee_name} works on ticket {ticket_label(number)} already")
        self.ticket_id = ticket_id
        self.number = number
        self.assignee_name = assignee_name
