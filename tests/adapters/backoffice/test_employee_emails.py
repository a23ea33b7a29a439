import threading

import pytest
import sqlalchemy as sa

from adapters.backoffice.employee_directory import SqlEmployeeEmails
from tests.domain.minting import uuid_text
from tests.support.context_database import OneConnection, transaction

ADA, BOB = uuid_text(11), uuid_text(12)


def test_an_address_belongs_to_whoever_reserved_it_first(connections: OneConnection) -> None:
    emails = SqlEmployeeEmails(connections)

    assert emails.reserve("ada@example.com", ADA)
    assert not emails.reserve("ada@example.com", BOB)
    assert emails.reserve("bob@example.com", BOB)


def test_reserving_ones_own_address_again_is_no_conflict(connections: OneConnection) -> None:
    emails = SqlEmployeeEmails(connections)

    assert emails.reserve("ada@example.com", ADA)
    assert emails.reserve("ada@example.com", ADA)


@pytest.mark.parametrize(("first_commits", "second_succeeds"), [(True, False), (False, True)])
def test_of_two_at_the_same_time_the_second_waits_for_the_first(
    engine: sa.Engine, first_commits: bool, second_succeeds: bool
) -> None:
    email = f"{first_commits}@example.com".lower()
    outcome: list[bool] = []
    started = threading.Event()

    def second() -> None:
        started.set()
        with transaction(engine) as connections:
            outcome.append(SqlEmployeeEmails(connections).reserve(email, BOB))

    waiting = threading.Thread(target=second)
    with transaction(engine, commit=first_commits) as connections:
        SqlEmployeeEmails(connections).reserve(email, ADA)
        waiting.start()
        assert started.wait(5)
        waiting.join(0.2)  # it cannot end before the first does
        assert outcome == []
    waiting.join(10)

    assert outcome == [second_succeeds]
