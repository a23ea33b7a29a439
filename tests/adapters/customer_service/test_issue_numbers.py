import sqlalchemy as sa

from adapters.customer_service.issue_numbers import SqlIssueNumbers
from tests.support.context_database import transaction


def test_numbers_start_at_1001_and_ascend_across_transactions(engine: sa.Engine) -> None:
    drawn: list[int] = []

    for _ in range(2):
        with transaction(engine, commit=True) as connections:
            numbers = SqlIssueNumbers(connections)
            drawn += [numbers.next(), numbers.next()]

    assert drawn == [1001, 1002, 1003, 1004]


def test_a_number_of_a_transaction_that_failed_is_never_given_to_two(engine: sa.Engine) -> None:
    with transaction(engine) as connections:
        undone = SqlIssueNumbers(connections).next()

    with transaction(engine, commit=True) as connections:
        kept = SqlIssueNumbers(connections).next()
    with transaction(engine, commit=True) as connections:
        following = SqlIssueNumbers(connections).next()

    assert undone <= kept < following
