"""Numbers of tickets, drawn from the context's own store."""

from adapters.backoffice.tables import TICKET_NUMBERS
from adapters.sql.connections import Connections
from adapters.sql.number_series import SqlNumberSeries


class SqlTicketNumbers(SqlNumberSeries):
    """See :class:`ports.backoffice.numbers.TicketNumbers`."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, TICKET_NUMBERS)
