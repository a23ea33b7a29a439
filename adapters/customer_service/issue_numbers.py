"""Numbers of issues, drawn from the context's own store."""

from adapters.customer_service.tables import ISSUE_NUMBERS
from adapters.sql.connections import Connections
from adapters.sql.number_series import SqlNumberSeries


class SqlIssueNumbers(SqlNumberSeries):
    """See :class:`ports.customer_service.numbers.IssueNumbers`."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, ISSUE_NUMBERS)
