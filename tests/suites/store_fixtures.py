"""What every suite about a store needs from the implementation under test."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from ports.outbound.message_table import WaitingDeliveries
from ports.outbound.transactions import Store, UnitOfWork
from tests.suites.beside import elsewhere

T = TypeVar("T")

MakeTimePass = Callable[[timedelta], None]
WaitingIn = Callable[[Store], WaitingDeliveries]


class StoreFixtures:
    """A mixin overrides these for one implementation, once for all suites:

        class MemoryFixtures:
            @pytest.fixture
            def store(self) -> Store: ...

        class TestMemoryEventStore(MemoryFixtures, EventStoreSuite): ...

    Required are ``store`` (empty), ``another_store`` (another context in the same database) and
    ``make_time_pass`` (afterwards everything stored seems older by that much: a virtual clock is
    moved, or the stored times are shifted back). ``now`` is the present of the store's clock; the
    machine's own unless overridden. The message table suite also needs ``waiting_in`` and
    ``lease``, the repository suite the mapping described there.
    """

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError("a subclass provides the implementation under test")

    @pytest.fixture
    def another_store(self) -> Store:
        raise NotImplementedError("a subclass provides another context in the same database")

    @pytest.fixture
    def make_time_pass(self) -> MakeTimePass:
        raise NotImplementedError("a subclass lets time pass for what is stored")

    @pytest.fixture
    def now(self) -> Callable[[], datetime]:
        return lambda: datetime.now(UTC)

    @pytest.fixture
    def waiting_in(self) -> WaitingIn:
        """The waiting deliveries of a store that is one of the fixtures above."""
        raise NotImplementedError("a subclass provides the implementation under test")

    @pytest.fixture
    def lease(self) -> timedelta:
        """How long a claim lasts in what ``waiting_in`` gives."""
        raise NotImplementedError("a subclass says how long a claim lasts")


def committed(store: Store, work: Callable[[UnitOfWork], T]) -> T:
    """Work in a unit of work of its own and commit it."""
    unit = store.begin()
    try:
        result = work(unit)
        unit.commit()
        return result
    finally:
        unit.rollback()


def seen(store: Store, look: Callable[[UnitOfWork], T]) -> T:
    """What someone else sees, who reads in another thread meanwhile."""

    def read() -> T:
        unit = store.begin()
        try:
            return look(unit)
        finally:
            unit.rollback()

    return elsewhere(read)
