"""The stores in memory, for the suites."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.message_table import MemoryWaitingDeliveries
from adapters.memory.store import MemoryStore
from adapters.memory.time import VirtualClock
from ports.outbound.transactions import Store
from tests.suites.store_fixtures import MakeTimePass, WaitingIn

LEASE = timedelta(seconds=30)


class MemoryFixtures:
    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock()

    @pytest.fixture
    def database(self) -> MemoryDatabase:
        return MemoryDatabase()

    @pytest.fixture
    def store(self, clock: VirtualClock, database: MemoryDatabase) -> MemoryStore:
        return MemoryStore("post", clock, database=database)

    @pytest.fixture
    def another_store(self, clock: VirtualClock, database: MemoryDatabase) -> MemoryStore:
        return MemoryStore("customs", clock, database=database)

    @pytest.fixture
    def make_time_pass(self, clock: VirtualClock) -> MakeTimePass:
        return clock.advance

    @pytest.fixture
    def now(self, clock: VirtualClock) -> Callable[[], datetime]:
        return clock.now

    @pytest.fixture
    def waiting_in(self) -> WaitingIn:
        def waiting_in(store: Store) -> MemoryWaitingDeliveries:
            assert isinstance(store, MemoryStore)
            return MemoryWaitingDeliveries(store, lease=LEASE)

        return waiting_in

    @pytest.fixture
    def lease(self) -> timedelta:
        return LEASE
