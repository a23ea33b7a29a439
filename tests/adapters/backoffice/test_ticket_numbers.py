import sqlalchemy as sa

from adapters.backoffice.ticket_numbers import SqlTicketNumbers
from tests.support.context_database import transaction


def test_numbers_start_at_1001_and_ascend_across_transactions(engine: sa.Engine) -> None:
    drawn: list[int] = []

    for _ in range(2):
        with transaction(engine, commit=True) as connections:
            numbers = SqlTicketNumbers(connections)
            drawn += [numbers.next(), numbers.next()]

    assert drawn == [1001, 1002, 1003, 1004]
