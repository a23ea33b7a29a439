"""Statements that a PostgreSQL session knows already."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from adapters.sql.failures import StoreConflict
from adapters.sql.statements import Kind, Statement, statement
from adapters.sql.store import SqlStore


@pytest.fixture
def store(module_postgres_url: str) -> Iterator[SqlStore]:
    with closing(SqlStore(module_postgres_url, "post")) as opened:
        yield opened


def the_answer(title: str = "SELECT") -> Statement:
    """Another object each time, as when two threads build it at once."""
    return statement(title, "SELECT :number", parameters={"number": Kind.INT}, columns=[Kind.INT])


def test_one_text_that_was_built_twice_is_one_statement(store: SqlStore) -> None:
    with store.connected() as executor:
        executor.begin()
        answers = [executor.run(the_answer(), (number,)) for number in (41, 42)]
        executor.commit()

    assert answers == [[(41,)], [(42,)]]


def test_a_statement_that_somebody_prepared_costs_a_transaction_and_not_the_next(
    store: SqlStore,
) -> None:
    """As behind a pooler that hands out a session which somebody used before."""
    known = the_answer()
    preparing = f"PREPARE {known.name.decode()} (bigint) AS {known.postgresql}"
    with store.connected() as executor:
        executor.run(statement("PREPARE", preparing, parameters={}))
        executor.begin()
        with pytest.raises(StoreConflict):
            executor.run(known, (42,))
        executor.rollback()

        executor.begin()
        answer = executor.run(known, (42,))
        executor.commit()

    assert answer == [(42,)]
