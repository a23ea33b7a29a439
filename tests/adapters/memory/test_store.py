"""The stores in memory keep the promises of the ports."""

from tests.adapters.memory.fixtures import MemoryFixtures
from tests.suites.deliveries_suite import DeliveriesSuite
from tests.suites.event_store_suite import EventStoreSuite
from tests.suites.failed_messages_suite import FailedMessagesSuite
from tests.suites.message_table_suite import MessageTableSuite
from tests.suites.positions_suite import PositionsSuite
from tests.suites.removed_channels_suite import RemovedChannelsSuite
from tests.suites.repository_suite import RepositorySuite
from tests.suites.store_suite import StoreSuite


class TestMemoryStore(MemoryFixtures, StoreSuite):
    pass


class TestMemoryEventStore(MemoryFixtures, EventStoreSuite):
    pass


class TestMemoryRepository(MemoryFixtures, RepositorySuite):
    pass


class TestMemoryMessageTable(MemoryFixtures, MessageTableSuite):
    pass


class TestMemoryRemovedChannels(MemoryFixtures, RemovedChannelsSuite):
    pass


class TestMemoryDeliveries(MemoryFixtures, DeliveriesSuite):
    pass


class TestMemoryFailedMessages(MemoryFixtures, FailedMessagesSuite):
    pass


class TestMemoryPositions(MemoryFixtures, PositionsSuite):
    pass
