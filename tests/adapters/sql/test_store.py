"""The stores in SQL keep the promises of the ports, on either database."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from adapters.sql.wakeups import SqlWakeUps
from tests.adapters.sql.stores import PostgresqlFixtures, SqliteFixtures
from tests.suites.deliveries_suite import DeliveriesSuite
from tests.suites.event_store_suite import EventStoreSuite
from tests.suites.failed_messages_suite import FailedMessagesSuite
from tests.suites.message_table_suite import MessageTableSuite
from tests.suites.positions_suite import ConcurrentPositionsSuite, PositionsSuite
from tests.suites.removed_channels_suite import RemovedChannelsSuite
from tests.suites.repository_suite import RepositorySuite
from tests.suites.store_suite import StoreSuite
from tests.suites.wakeups_suite import WakeUpsSuite


class TestSqliteStore(SqliteFixtures, StoreSuite):
    pass


class TestSqliteEventStore(SqliteFixtures, EventStoreSuite):
    pass


class TestSqliteRepository(SqliteFixtures, RepositorySuite):
    pass


class TestSqliteMessageTable(SqliteFixtures, MessageTableSuite):
    pass


class TestSqliteRemovedChannels(SqliteFixtures, RemovedChannelsSuite):
    pass


class TestSqliteDeliveries(SqliteFixtures, DeliveriesSuite):
    pass


class TestSqliteFailedMessages(SqliteFixtures, FailedMessagesSuite):
    pass


class TestSqlitePositions(SqliteFixtures, PositionsSuite):
    pass


class TestSqliteWakeUps(SqliteFixtures, WakeUpsSuite):
    @pytest.fixture
    def wake_ups(self, url: str) -> Iterator[SqlWakeUps]:
        with closing(SqlWakeUps(url, "post")) as wake_ups:
            wake_ups.wait(0)  # connects
            yield wake_ups


class TestPostgresqlStore(PostgresqlFixtures, StoreSuite):
    pass


class TestPostgresqlEventStore(PostgresqlFixtures, EventStoreSuite):
    pass


class TestPostgresqlRepository(PostgresqlFixtures, RepositorySuite):
    pass


class TestPostgresqlMessageTable(PostgresqlFixtures, MessageTableSuite):
    pass


class TestPostgresqlRemovedChannels(PostgresqlFixtures, RemovedChannelsSuite):
    pass


class TestPostgresqlDeliveries(PostgresqlFixtures, DeliveriesSuite):
    pass


class TestPostgresqlFailedMessages(PostgresqlFixtures, FailedMessagesSuite):
    pass


class TestPostgresqlPositions(PostgresqlFixtures, PositionsSuite):
    pass


class TestPostgresqlConcurrentPositions(PostgresqlFixtures, ConcurrentPositionsSuite):
    pass


class TestPostgresqlWakeUps(PostgresqlFixtures, WakeUpsSuite):
    @pytest.fixture
    def wake_ups(self, url: str) -> Iterator[SqlWakeUps]:
        with closing(SqlWakeUps(url, "post")) as wake_ups:
            wake_ups.wait(0)  # connects
            yield wake_ups
