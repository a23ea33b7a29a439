import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.store import MemoryStore
from adapters.memory.wakeups import MemoryWakeUps
from tests.adapters.memory.fixtures import MemoryFixtures
from tests.suites.builders import a_delivery
from tests.suites.store_fixtures import committed
from tests.suites.wakeups_suite import WakeUpsSuite


class TestMemoryWakeUps(MemoryFixtures, WakeUpsSuite):
    @pytest.fixture
    def wake_ups(self, database: MemoryDatabase) -> MemoryWakeUps:
        return MemoryWakeUps(database)

    def test_who_has_closed_is_not_woken(self, store: MemoryStore, wake_ups: MemoryWakeUps) -> None:
        wake_ups.close()

        committed(store, lambda unit: unit.messages.add(a_delivery()))

        assert not wake_ups.wait(0.01)
