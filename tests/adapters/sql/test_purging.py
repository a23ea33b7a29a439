"""Failed messages that were deleted are forgotten after a while, with all that hangs on them."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.sql.failed_messages import purge_deleted
from adapters.sql.store import SqlStore
from ports.outbound.deliveries import DeliveryState
from ports.outbound.failed_messages import Attempt, FailedMessage
from tests.adapters.sql.stores import PostgresqlFixtures, SqlFixtures, SqliteFixtures
from tests.suites.builders import a_failed_message
from tests.suites.store_fixtures import committed, seen

MONTH = timedelta(days=30)


class PurgingSuite(SqlFixtures):
    @pytest.fixture
    def long_ago(self) -> datetime:
        return datetime.now(UTC) - 2 * MONTH

    @pytest.fixture
    def failed(self, store: SqlStore) -> FailedMessage:
        failed = a_failed_message()
        assert failed.delivery is not None
        delivery = failed.delivery

        def park(unit: object) -> None:
            current = store.current()
            assert current is not None
            current.deliveries.advance(delivery, failed=True)
            current.failed_messages.park(failed)
            current.failed_messages.note_attempt(
                failed.id, Attempt(attempt=2, outcome="failed", at=failed.failure.failed_at)
            )

        committed(store, park)
        return failed

    def test_what_was_deleted_long_ago_is_forgotten_with_its_history(
        self, store: SqlStore, long_ago: datetime, failed: FailedMessage
    ) -> None:
        committed(store, lambda unit: unit.failed_messages.delete(failed.id, at=long_ago))

        gone = purge_deleted(store, older_than=MONTH, limit=10)

        assert gone == 1
        assert seen(store, lambda unit: unit.failed_messages.find(failed.id)) is None
        assert list(seen(store, lambda unit: unit.failed_messages.attempts(failed.id))) == []

    def test_a_forgotten_message_is_not_handled_should_it_come_once_more(
        self, store: SqlStore, long_ago: datetime, failed: FailedMessage
    ) -> None:
        committed(store, lambda unit: unit.failed_messages.delete(failed.id, at=long_ago))

        purge_deleted(store, older_than=MONTH, limit=10)

        record = seen(store, lambda unit: unit.deliveries.find(failed.message_id, failed.endpoint))
        assert record is not None
        assert record.state is DeliveryState.DONE

    def test_what_was_deleted_lately_and_what_was_not_deleted_stays(
        self, store: SqlStore, failed: FailedMessage
    ) -> None:
        committed(store, lambda unit: unit.failed_messages.park(a_failed_message("f-2")))
        committed(store, lambda unit: unit.failed_messages.delete("f-2", at=datetime.now(UTC)))

        gone = purge_deleted(store, older_than=MONTH, limit=10)

        assert gone == 0
        assert seen(store, lambda unit: unit.failed_messages.find(failed.id)) is not None
        assert seen(store, lambda unit: unit.failed_messages.find("f-2")) is not None


class TestSqlitePurging(SqliteFixtures, PurgingSuite):
    pass


class TestPostgresqlPurging(PostgresqlFixtures, PurgingSuite):
    pass
