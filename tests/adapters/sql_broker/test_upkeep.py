"""The upkeep of a connection whose database goes away, without a database."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import pytest

from adapters.sql_broker.errors import BrokerConnectionLost
from adapters.sql_broker.options import BrokerOptions
from adapters.sql_broker.store import Lease, Store
from adapters.sql_broker.upkeep import Holdings, Settlement, Upkeep
from tests.support.waiting import wait_until


class UnreliableStore:
    """Settles, or says that the database is away as long as ``away`` is set."""

    def __init__(self) -> None:
        self.away = False
        self.broken = False
        self.acknowledged: list[int] = []
        self.closed = 0

    def settle(self, *, acknowledge: Sequence[Lease], requeue: Sequence[Lease]) -> Sequence[Lease]:
        if self.away:
            raise BrokerConnectionLost("away")
        if self.broken:
            raise ZeroDivisionError
        self.acknowledged.extend(lease.message_id for lease in acknowledge)
        return []

    def close(self) -> None:
        self.closed += 1


class Watched:
    """An upkeep over an unreliable store, and what it reported."""

    def __init__(self, lease: timedelta = timedelta(seconds=30)) -> None:
        self.store = UnreliableStore()
        self.failures: list[BrokerConnectionLost] = []
        self.upkeep = Upkeep(
            cast(Store, self.store),
            BrokerOptions(lease=lease),
            holdings=lambda: Holdings(leases=[], consumers=[], queues=[]),
            lost=lambda _leases: None,
            settled=lambda _queues: None,
            failed=self.failures.append,
        )

    def acknowledge(self, message_id: int) -> None:
        lease = Lease(message_id, "token", 1)
        self.upkeep.settle(
            [Settlement(lease=lease, queue="work", requeue=False, decided_at=time.monotonic())]
        )


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_an_acknowledgement_is_written_soon(watched: Watched) -> None:
    watched.upkeep.start()

    watched.acknowledge(1)

    wait_until(lambda: watched.store.acknowledged == [1])
    assert watched.failures == []
    watched.upkeep.stop()


def test_stopping_writes_what_was_acknowledged_before(watched: Watched) -> None:
    watched.upkeep.start()
    for message_id in range(50):
        watched.acknowledge(message_id)

    watched.upkeep.stop()

    assert watched.store.acknowledged == list(range(50))


def test_an_acknowledgement_after_the_end_is_written_too(watched: Watched) -> None:
    watched.upkeep.start()
    watched.upkeep.stop()

    watched.acknowledge(1)

    wait_until(lambda: watched.store.acknowledged == [1])


def test_acknowledgements_given_while_the_database_is_away_are_written_when_it_is_back(
    watched: Watched,
) -> None:
    watched.store.away = True
    watched.acknowledge(1)
    wait_until(lambda: watched.failures != [])
    watched.acknowledge(2)

    watched.store.away = False

    wait_until(lambda: watched.store.acknowledged == [1, 2])
    assert len(watched.failures) == 1, "the loss is told once"
    wait_until(lambda: not watched.upkeep.running)


def test_acknowledgements_are_given_up_when_their_leases_cannot_last_any_longer() -> None:
    watched = Watched(lease=timedelta(seconds=0.2))
    watched.store.away = True
    watched.acknowledge(1)

    wait_until(lambda: not watched.upkeep.running, what="the thread to give up")

    watched.store.away = False
    assert watched.store.acknowledged == []


def test_an_unexpected_error_ends_the_connection_instead_of_the_thread_alone(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.store.broken = True

    watched.acknowledge(1)

    wait_until(lambda: watched.failures != [])
    wait_until(lambda: watched.store.closed == 1)
    assert "ZeroDivisionError" in caplog.text
