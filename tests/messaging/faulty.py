"""A store in memory that fails when it is told to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adapters.memory.database import MemoryDatabase
from adapters.memory.message_table import MemoryWaitingDeliveries
from adapters.memory.store import MemoryStore, MemoryUnitOfWork
from adapters.memory.time import VirtualClock
from adapters.memory.wakeups import MemoryWakeUps
from app.testing.flow import Storage
from ports.errors import CommitOutcomeUnknown, StoreUnavailable

Fault = Callable[[MemoryUnitOfWork, Callable[[], None]], None]


def away(unit: MemoryUnitOfWork, commit: Callable[[], None]) -> None:
    """Nothing of it was kept."""
    unit.rollback()
    raise StoreUnavailable("the database does not answer")


def answer_lost(unit: MemoryUnitOfWork, commit: Callable[[], None]) -> None:
    """Everything was kept, and nobody was told."""
    commit()
    raise CommitOutcomeUnknown("the connection broke while committing")


def fine(unit: MemoryUnitOfWork, commit: Callable[[], None]) -> None:
    commit()


class FaultyStore(MemoryStore):
    """What happens to the next commits is taken from ``faults``, one each; then all is fine."""

    def __init__(self, context: str, clock: VirtualClock, database: MemoryDatabase) -> None:
        super().__init__(context, clock, database=database)
        self.faults: list[Fault] = []

    def begin(self) -> MemoryUnitOfWork:
        unit = super().begin()
        commit = unit.commit

        def faulty() -> None:
            fault = self.faults.pop(0) if self.faults else fine
            fault(unit, commit)

        unit.commit = faulty  # type: ignore[method-assign]
        return unit

    @contextmanager
    def failing(self, *faults: Fault) -> Iterator[None]:
        """Every one of them has to happen."""
        self.faults.extend(faults)
        yield
        assert not self.faults, f"{len(self.faults)} commits fewer than faults"


def faulty_storage(clock: VirtualClock) -> tuple[FaultyStore, Storage]:
    database = MemoryDatabase()
    store = FaultyStore("testing", clock, database)
    return store, Storage(
        store=store, waiting=MemoryWaitingDeliveries(store), wake_ups=MemoryWakeUps(database)
    )
