"""Failed messages that were deleted are forgotten after a while, with all that hangs on them."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.sql.attempt_histories import NEXT_HISTORIES, AttemptHistories
from adapters.sql.failed_messages import purge_deleted
from adapters.sql.store import SqlStore
from ports.outbound.deliveries import DeliveryState
from ports.outbound.failed_messages import Attempt, FailedMessage
from tests.adapters.sql.plans import explained, rows_touched
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

    def test_a_history_is_forgotten_long_after_its_end_once_nothing_failed_is_left(
        self, store: SqlStore, long_ago: datetime, failed: FailedMessage
    ) -> None:
        histories = AttemptHistories(store)
        note(store, failed.id, long_ago)
        note(store, "went on", long_ago, datetime.now(UTC))
        note(store, "got through", long_ago, long_ago)

        gone = histories.purge(older_than=MONTH, limit=10)

        assert gone == 1
        assert noted(store, failed.id) == 2
        assert noted(store, "went on") == 2
        assert noted(store, "got through") == 0

    def test_a_few_histories_at_a_time_are_looked_at_until_all_were(
        self, store: SqlStore, long_ago: datetime
    ) -> None:
        histories = AttemptHistories(store)
        for number in range(5):
            note(store, f"h-{number}", datetime.now(UTC) if number < 3 else long_ago)

        gone = [histories.purge(older_than=MONTH, limit=2) for _ in range(3)]
        note(store, "h-0a", long_ago)
        gone.append(histories.purge(older_than=MONTH, limit=2))

        assert gone == [0, 1, 1, 1]


def note(store: SqlStore, failed_message_id: str, *times: datetime) -> None:
    for number, at in enumerate(times):
        attempt = Attempt(attempt=number, outcome="retried", at=at)
        committed(
            store,
            lambda unit, attempt=attempt: unit.failed_messages.note_attempt(  # type: ignore[misc]
                failed_message_id, attempt
            ),
        )


def noted(store: SqlStore, failed_message_id: str) -> int:
    return len(seen(store, lambda unit: unit.failed_messages.attempts(failed_message_id)))


class TestSqlitePurging(SqliteFixtures, PurgingSuite):
    pass


class TestPostgresqlPurging(PostgresqlFixtures, PurgingSuite):
    def test_histories_that_stay_are_looked_at_a_few_at_a_time(self, store: SqlStore) -> None:
        with store.engine().begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO runtime_attempt (context, tenant, failed_message_id, attempt, outcome,"
                " at, reason, actor, trace) SELECT %s, %s, 'f-' || mod(number, 5000), 1, 'retried',"
                " now() - interval '1 year', '', '', '' FROM generate_series(1, 20000) AS number",
                (store.context, store.tenant),
            )
            connection.exec_driver_sql("ANALYZE runtime_attempt")
            values = (store.context, store.tenant, -1.0, "f-3", 50)
            plan = explained(connection, NEXT_HISTORIES, values)

        assert plan["Actual Rows"] == 50
        assert rows_touched(plan) <= 50 * 4 + 50 + 1
