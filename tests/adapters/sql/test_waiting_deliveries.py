"""The message table under load: what a claim looks at, and what holds up what."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from adapters.sql import removed_channels, waiting_statements
from adapters.sql.deliveries import purge_done
from adapters.sql.engines import Limits
from adapters.sql.executor import Begin
from adapters.sql.statements import Kind, Statement, statement
from adapters.sql.store import SqlStore
from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from ports.headers import UNREADABLE
from ports.messages import Delivery
from tests.adapters.sql.plans import explained, rows_touched
from tests.adapters.sql.stores import (
    LEASE,
    PostgresqlFixtures,
    SqlFixtures,
    SqliteFixtures,
    engine_of,
    let_time_pass,
    prepare,
)
from tests.suites.builders import CHANNEL, a_delivery
from tests.suites.store_fixtures import committed
from tests.support.servers import fresh_postgres_database

_MANY = 30_000

# Of this connection.
_PLANS = statement(
    "SELECT pg_prepared_statements",
    "SELECT coalesce(sum(generic_plans), 0)::bigint, coalesce(sum(custom_plans), 0)::bigint "
    "FROM pg_prepared_statements WHERE statement LIKE '%runtime_message%' "
    "AND statement NOT LIKE 'INSERT%' AND statement NOT LIKE '%pg_prepared%'",
    parameters={},
    columns=[Kind.INT, Kind.INT],
)
# Rows of the message table that this transaction has read.
_TOUCHED = statement(
    "SELECT pg_stat_xact_user_tables",
    "SELECT (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables "
    "WHERE relname = 'runtime_message'",
    parameters={},
    columns=[Kind.INT],
)

# Messages as a busy day leaves them: delayed ones, the backlog of another channel, the backlog of
# this one.
_FILL = """
INSERT INTO runtime_message (context, tenant, channel, endpoint, message_id, name, revision,
    content_type, payload, headers, correlation_id, source, trace, sent_at, attempt,
    first_attempt, replayed, replay_trace, priority, partition_key, created_at, delayed, due_at)
SELECT 'post', '', {channel}, 'e', 'm' || n, 'n', 1, 'c', '', '{{}}', '', 's', '', now(), 1,
    1, false, '', 4, {key}, now(), {delayed}, {due_at}
FROM generate_series(1, {count}) AS n
"""


class TestWhatAClaimLooksAt:
    """Rows that PostgreSQL really touches, out of tens of thousands."""

    @pytest.fixture(scope="class")
    @staticmethod
    def crowded_url() -> Iterator[str]:
        with fresh_postgres_database() as url:
            prepare(url)
            with engine_of(url) as engine, engine.connect() as connection:
                for channel, key, delayed, due_at in (
                    ("'parcels'", "''", "true", "now() + interval '1 day'"),
                    ("'letters'", "''", "false", "NULL"),
                    ("'orders'", "''", "true", "NULL"),
                    ("'parcels'", "''", "false", "NULL"),
                ):
                    connection.exec_driver_sql(
                        _FILL.format(
                            channel=channel, key=key, delayed=delayed, due_at=due_at, count=_MANY
                        )
                    )
                connection.exec_driver_sql(
                    "UPDATE runtime_message SET handed_over = true, claimed_until = now() "
                    "WHERE channel = 'orders'"
                )
                connection.exec_driver_sql("ANALYZE runtime_message")
            yield url

    @pytest.mark.parametrize(
        ("statement", "values", "bound"),
        [
            (waiting_statements.PEEK, ("post", ["invoices", "parcels"]), 10),
            (waiting_statements.NEXT_DUE, ("post", ["invoices", "parcels"]), 10),
            (
                waiting_statements.LEASE,
                ("post", ["invoices", "parcels"], 20, "token", 30.0),
                300,
            ),
            (waiting_statements.PROMOTE, ("post", ["invoices", "parcels"], 1000), 10),
            (waiting_statements.PEEK, ("post", ["orders"]), 10),
            (waiting_statements.NEXT_DUE, ("post", ["orders"]), 10),
            (waiting_statements.KEPT, ("post", ["orders", "parcels"], 0.0), 10),
            (waiting_statements.DROP_RECORDED, ("post", "parcels", -15.0, 1000), 10),
            (waiting_statements.RELEASE, ("post", "parcels", -15.0, 1000), 10),
            (waiting_statements.DROP_EXPIRED, ("post", 1000), 10),
            (waiting_statements.HOLD_UP, ("post", ["invoices", "parcels"], 1000), 10),
            (removed_channels.CHANNELS_WITH_ROWS, ("post",), 60),
            (removed_channels.COUNT_ROWS, ("post", "letters", 50), 200),
            (removed_channels.LOCK_ROWS[0], ("post", "letters", 50), 200),
            (removed_channels.LOCK_ROWS[1], ("post", "orders", 50), 200),
        ],
        ids=[
            "peek",
            "next due",
            "lease",
            "promote",
            "peek among kept ones",
            "next due among kept ones",
            "kept",
            "drop recorded",
            "release",
            "drop expired",
            "hold up",
            "channels with rows",
            "count rows",
            "lock ready rows",
            "lock kept rows",
        ],
    )
    def test_a_claim_touches_few_rows_of_many(
        self, crowded_url: str, statement: Statement, values: Sequence[object], bound: int
    ) -> None:
        with engine_of(crowded_url) as engine, engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            plan = explained(connection, statement, values)
            connection.exec_driver_sql("ROLLBACK")

        assert rows_touched(plan) <= bound

    def test_the_count_that_proves_this_sees_a_scan(self, crowded_url: str) -> None:
        with engine_of(crowded_url) as engine, engine.connect() as connection:
            plan = connection.exec_driver_sql(
                "EXPLAIN (ANALYZE, FORMAT JSON) SELECT id FROM runtime_message "
                "WHERE endpoint = 'nobody'"
            ).scalar_one()

        assert rows_touched(plan[0]["Plan"]) >= 3 * _MANY


class TestPlansThatAreKept:
    """PostgreSQL plans a claim once for each connection, whatever lies in the table by then."""

    @pytest.fixture
    @staticmethod
    def store(postgres_url: str) -> Iterator[SqlStore]:
        prepare(postgres_url)
        with closing(SqlStore(postgres_url, "post", limits=Limits(connections=1))) as store:
            _add(store, a_delivery())
            with engine_of(postgres_url) as engine, engine.connect() as connection:
                # Done later, either would have everything planned anew.
                connection.exec_driver_sql(
                    "ALTER TABLE runtime_message SET (autovacuum_enabled = off)"
                )
                connection.exec_driver_sql("ANALYZE runtime_message")
            yield store

    def test_many_claims_are_planned_once(self, store: SqlStore) -> None:
        waiting = SqlWaitingDeliveries(store)
        _add(store, *(a_delivery() for _ in range(9)))

        for _ in range(9):
            waiting.remove(waiting.claim([CHANNEL, "invoices"], limit=1, token="a"))
            waiting.seconds_until_due([CHANNEL])

        with store.connected() as executor:
            [(planned_once, planned_anew)] = executor.run(_PLANS)
        assert planned_once >= 4 * 9
        assert planned_anew <= 2  # what added them, twice

    @pytest.mark.parametrize(
        ("statement", "values"),
        [
            (waiting_statements.LEASE, ("post", [CHANNEL], 20, "b", 30.0)),
            (waiting_statements.PROMOTE, ("post", [CHANNEL], 20)),
            (waiting_statements.HOLD_UP, ("post", [CHANNEL], 20)),
            (waiting_statements.DROP_EXPIRED, ("post", 20)),
            (waiting_statements.RENEW, ("post", [1, 2, 3], "a", 30.0)),
            (waiting_statements.REMOVE, ("post", [1, 2, 3], "a")),
            (waiting_statements.RELEASE, ("post", CHANNEL, -15.0, 20)),
            (waiting_statements.DROP_RECORDED, ("post", CHANNEL, -15.0, 20)),
        ],
        ids=["lease", "promote", "hold up", "drop", "renew", "remove", "release", "recorded"],
    )
    def test_a_plan_that_was_made_for_a_single_row_serves_a_full_table(
        self, store: SqlStore, postgres_url: str, statement: Statement, values: Sequence[object]
    ) -> None:
        with store.short_transaction(Begin.TAKING) as executor:
            executor.run(statement, values)
        with engine_of(postgres_url) as engine, engine.connect() as connection:
            for channel in (f"'{CHANNEL}'", "'letters'"):
                connection.exec_driver_sql(
                    _FILL.format(
                        channel=channel, key="''", delayed="false", due_at="NULL", count=_MANY
                    )
                )

        with store.short_transaction(Begin.TAKING) as executor:
            executor.run(statement, values)
            [(touched,)] = executor.run(_TOUCHED)

        assert touched <= 300


class HoldingUpTests(SqlFixtures):
    def test_a_queue_behind_a_delayed_head_is_not_looked_through_again_and_again(
        self, store: SqlStore, url: str
    ) -> None:
        waiting = SqlWaitingDeliveries(store, lease=LEASE)
        later = datetime.now(UTC) + timedelta(hours=1)
        head = a_delivery(key="p-1", available_at=later)
        behind = [a_delivery(key="p-1") for _ in range(50)]
        other = a_delivery(key="p-2")
        _add(store, head, *behind, other)

        taken = waiting.claim([CHANNEL], limit=10, token="a")

        assert [one.delivery.envelope.metadata.id for one in taken] == [_id(other)]
        assert self._ready(url) == 1  # the one just leased
        seconds = waiting.seconds_until_due([CHANNEL])
        assert seconds is not None
        assert seconds > 0

        let_time_pass(url, timedelta(hours=1, seconds=1))
        ids = [
            one.delivery.envelope.metadata.id
            for one in waiting.claim([CHANNEL], limit=100, token="b")
            if one.delivery.key == "p-1"
        ]
        assert ids == [_id(head), *map(_id, behind)]

    def test_those_behind_a_delayed_head_go_on_at_once_when_it_expires(
        self, store: SqlStore, url: str
    ) -> None:
        waiting = SqlWaitingDeliveries(store, lease=LEASE)
        now = datetime.now(UTC)
        head = a_delivery(
            key="p-1",
            available_at=now + timedelta(hours=5),
            expires_at=now + timedelta(minutes=1),
        )
        behind = a_delivery(key="p-1")
        delayed = a_delivery(key="p-1", available_at=now + timedelta(hours=5))
        _add(store, head, behind, delayed)
        assert waiting.claim([CHANNEL], limit=10, token="a") == []

        let_time_pass(url, timedelta(minutes=2))

        taken = waiting.claim([CHANNEL], limit=10, token="b")
        assert [one.delivery.envelope.metadata.id for one in taken] == [_id(behind)]

    def test_a_higher_priority_never_overtakes_within_its_key(self, store: SqlStore) -> None:
        waiting = SqlWaitingDeliveries(store, lease=LEASE)
        first = a_delivery(key="p-1", priority=1)
        second = a_delivery(key="p-1", priority=9)
        _add(store, first, second)

        order = []
        while taken := waiting.claim([CHANNEL], limit=10, token="a"):
            order += [one.delivery.envelope.metadata.id for one in taken]
            waiting.remove(taken)

        assert order == [_id(first), _id(second)]

    def test_what_was_handed_over_without_a_confirm_holds_nobody_up(self, store: SqlStore) -> None:
        waiting = SqlWaitingDeliveries(store, lease=LEASE)
        first, second = a_delivery(key="p-1"), a_delivery(key="p-1")
        _add(store, first, second)
        waiting.keep(waiting.claim([CHANNEL], limit=1, token="a"))

        taken = waiting.claim([CHANNEL], limit=10, token="b")

        assert [one.delivery.envelope.metadata.id for one in taken] == [_id(second)]

    def test_deliveries_that_were_done_long_ago_are_forgotten_and_no_others(
        self, store: SqlStore, url: str
    ) -> None:
        done = [a_delivery() for _ in range(3)]
        waiting, failed = a_delivery(), a_delivery()
        unit = store.begin()
        for delivery in done:
            unit.deliveries.done(delivery)
        unit.commit()
        committed(store, lambda unit: unit.deliveries.count_hand_over(waiting))
        committed(store, lambda unit: unit.deliveries.advance(failed, failed=True))
        week = timedelta(days=7)

        assert purge_done(store, older_than=week, limit=10) == 0
        let_time_pass(url, week * 2)
        assert purge_done(store, older_than=week, limit=2) == 2
        assert purge_done(store, older_than=week, limit=2) == 1
        assert purge_done(store, older_than=week, limit=2) == 0

        with engine_of(url) as engine, engine.connect() as connection:
            states = connection.exec_driver_sql(
                "SELECT state FROM runtime_delivery ORDER BY state"
            ).scalars()
            assert list(states) == ["failed", "waiting"]

    def _ready(self, url: str) -> int:
        with engine_of(url) as engine, engine.connect() as connection:
            count: int = connection.exec_driver_sql(
                "SELECT count(*) FROM runtime_message WHERE delayed = false"
            ).scalar_one()
        return count


class TestHoldingUpOnSqlite(SqliteFixtures, HoldingUpTests):
    pass


class TestHoldingUpOnPostgresql(PostgresqlFixtures, HoldingUpTests):
    def test_a_row_that_is_being_consumed_after_its_lease_is_not_overtaken_within_its_key(
        self, store: SqlStore, url: str
    ) -> None:
        waiting = SqlWaitingDeliveries(store, lease=LEASE)
        slow, behind, other = a_delivery(key="p-1"), a_delivery(key="p-1"), a_delivery()
        _add(store, slow, behind, other)
        (leased,) = waiting.claim([CHANNEL], limit=1, token="slow")
        let_time_pass(url, LEASE * 2)
        unit = store.begin()
        unit.messages.consume(leased)
        unit.flush()

        taken = waiting.claim([CHANNEL], limit=10, token="quick")

        assert [one.delivery.envelope.metadata.id for one in taken] == [_id(other)]
        unit.commit()
        taken = waiting.claim([CHANNEL], limit=10, token="quick")
        assert [one.delivery.envelope.metadata.id for one in taken] == [_id(behind)]


def _add(store: SqlStore, *deliveries: Delivery) -> None:
    unit = store.begin()
    for delivery in deliveries:
        unit.messages.add(delivery)
    unit.commit()


def _id(delivery: Delivery) -> str:
    return delivery.envelope.metadata.id


class DamagedRows(SqlFixtures):
    @pytest.mark.parametrize("headers", ["not json", "[1]", "null", ""])
    def test_a_row_whose_headers_are_damaged_does_not_hold_up_those_beside_it(
        self, store: SqlStore, headers: str
    ) -> None:
        first, second = a_delivery(), a_delivery()
        committed(store, lambda unit: [unit.messages.add(one) for one in (first, second)])
        with store.engine().connect() as connection:
            connection.exec_driver_sql(
                f"UPDATE runtime_message SET headers = '{headers}' "
                f"WHERE message_id = '{first.envelope.metadata.id}'"
            )

        claimed = SqlWaitingDeliveries(store).claim([CHANNEL], limit=10, token="relay")

        damaged, whole = (row.delivery for row in claimed)
        assert damaged.envelope.metadata.headers == {UNREADABLE: headers}
        assert whole == second


class TestDamagedRowsOnSqlite(SqliteFixtures, DamagedRows):
    pass


class TestDamagedRowsOnPostgresql(PostgresqlFixtures, DamagedRows):
    pass
