from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.sql.failure_groups import masked
from adapters.sql.operations import SqlOperations
from adapters.sql.store import SqlStore
from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from ports.messages import Delivery
from ports.outbound.failed_messages import Attempt, FailedMessage
from ports.outbound.operations import FailedMessageSearch, Place
from ports.outbound.positions import Position, ProjectionStatus
from ports.outbound.transactions import UnitOfWork
from tests.adapters.sql.stores import PostgresqlFixtures, SqlFixtures, SqliteFixtures, let_time_pass
from tests.suites.builders import SENT_AT, a_delivery, a_failed_message, some_events
from tests.suites.store_fixtures import committed

ALL = FailedMessageSearch()


def a_failure_of(
    number: int, *, reason: str = "the address is unreadable", **changes: Any
) -> FailedMessage:
    """The number is also its minute."""
    failed = a_failed_message(f"f-{number}", reason=reason)
    failure = replace(failed.failure, failed_at=SENT_AT + timedelta(minutes=number))
    return replace(failed, failure=failure, **changes)


def park(store: SqlStore, *failures: FailedMessage) -> None:
    def all_of_them(unit: UnitOfWork) -> None:
        for failed in failures:
            unit.failed_messages.park(failed)

    committed(store, all_of_them)


def take(store: SqlStore, *ids: str) -> None:
    def all_of_them(unit: UnitOfWork) -> None:
        for own_id in ids:
            unit.failed_messages.take(own_id)

    committed(store, all_of_them)


def note(store: SqlStore, attempt: Attempt) -> None:
    committed(store, lambda unit: unit.failed_messages.note_attempt("f-1", attempt))


def send(store: SqlStore, *deliveries: Delivery) -> None:
    def all_of_them(unit: UnitOfWork) -> None:
        for one in deliveries:
            unit.messages.add(one)

    committed(store, all_of_them)


def finish(store: SqlStore, delivery: Delivery) -> None:
    committed(store, lambda unit: unit.deliveries.done(delivery))


def numbers(places: Sequence[Place]) -> list[int]:
    return [int(own_id.removeprefix("f-")) for _, own_id in places]


class OperationsTests(SqlFixtures):
    @pytest.fixture
    def view(self, store: SqlStore) -> SqlOperations:
        return SqlOperations(store)

    def test_only_failures_of_the_own_context_are_counted(
        self, store: SqlStore, another_store: SqlStore, view: SqlOperations
    ) -> None:
        park(store, a_failure_of(1), a_failure_of(2, deleted_at=SENT_AT))
        park(another_store, a_failure_of(3))

        assert view.count_failed(ALL) == 1
        assert view.count_failed(FailedMessageSearch(deleted=True)) == 1

    def test_places_begin_with_the_latest_failure(
        self, store: SqlStore, view: SqlOperations
    ) -> None:
        park(store, *(a_failure_of(number) for number in (2, 1, 3)))

        assert numbers(view.places(ALL, limit=2)) == [3, 2]
        assert numbers(view.places(ALL, limit=10, oldest_first=True)) == [1, 2, 3]

    def test_deleted_ones_are_ordered_by_their_deletion(
        self, store: SqlStore, view: SqlOperations
    ) -> None:
        park(
            store,
            a_failure_of(1, deleted_at=SENT_AT + timedelta(days=2)),
            a_failure_of(2, deleted_at=SENT_AT + timedelta(days=1)),
        )

        assert numbers(view.places(FailedMessageSearch(deleted=True), limit=10)) == [1, 2]

    def test_rows_tell_what_a_list_shows(self, store: SqlStore, view: SqlOperations) -> None:
        failed = a_failure_of(1, reason="lost\nin the mail")
        park(store, failed)
        for number, outcome in ((1, "retried"), (2, "failed"), (3, "replayed")):
            note(store, Attempt(attempt=number, outcome=outcome, at=SENT_AT))

        [row] = view.rows(["f-1", "f-2"])

        assert row.context == "post"
        assert row.reason == "lost"
        assert row.attempts == 2
        assert row.readable
        assert row.name == "post.parcel_was_sent"
        assert row.failed_at == failed.failure.failed_at

    def test_what_could_not_be_read_is_told_apart(
        self, store: SqlStore, view: SqlOperations
    ) -> None:
        park(store, a_failure_of(1, delivery=None, endpoint="", message_id="", raw=b"\xff"))

        [row] = view.rows(["f-1"])

        assert not row.readable
        assert row.name == ""

    @pytest.mark.parametrize(
        "search",
        [
            FailedMessageSearch(text="LEDGER"),
            FailedMessageSearch(text="Bookkeeper"),
            FailedMessageSearch(text="f-2"),
            FailedMessageSearch(endpoint="bookkeeper.book"),
            FailedMessageSearch(channel="books"),
            FailedMessageSearch(exception="post.ServerIsDown"),
            FailedMessageSearch(since=SENT_AT + timedelta(minutes=2)),
            FailedMessageSearch(text="100%"),
        ],
    )
    def test_conditions_narrow_the_list(
        self, store: SqlStore, view: SqlOperations, search: FailedMessageSearch
    ) -> None:
        other = a_failure_of(2, endpoint="bookkeeper.book", channel="books")
        failure = replace(
            other.failure, exception="post.ServerIsDown", reason="ledger is 100% locked"
        )
        park(store, a_failure_of(1, reason="1000 parcels"), replace(other, failure=failure))

        assert numbers(view.places(search, limit=10)) == [2]
        assert view.count_failed(search) == 1
        assert view.matching(search, limit=10) == ["f-2"]

    def test_what_failed_at_the_end_of_the_time_is_left_out(
        self, store: SqlStore, view: SqlOperations
    ) -> None:
        park(store, a_failure_of(1), a_failure_of(2))

        search = FailedMessageSearch(until=SENT_AT + timedelta(minutes=2))

        assert numbers(view.places(search, limit=10)) == [1]

    def test_the_conversation_leads_to_its_failures(
        self, store: SqlStore, view: SqlOperations
    ) -> None:
        failed = a_failure_of(1)
        assert failed.delivery is not None
        correlation_id = failed.delivery.envelope.metadata.correlation_id
        park(store, failed, a_failure_of(2))

        assert view.matching(FailedMessageSearch(text=correlation_id), limit=10) == ["f-1"]

    def test_a_walk_meets_each_once_though_those_behind_it_vanish(
        self, store: SqlStore, view: SqlOperations
    ) -> None:
        park(store, *(a_failure_of(number) for number in range(5)))
        met: list[str] = []
        while found := view.matching(ALL, after=met[-1] if met else "", limit=2):
            take(store, *found)
            met += found

        assert met == [f"f-{number}" for number in range(5)]

    def test_failures_with_one_cause_are_one_group(
        self, store: SqlStore, view: SqlOperations
    ) -> None:
        park(
            store,
            a_failure_of(1, reason="parcel 17 for 'ada@example.com' is lost"),
            a_failure_of(2, reason="parcel 4711 for 'bert@example.com' is lost\nsecond line"),
            a_failure_of(3, reason="the server is down"),
            a_failure_of(4, endpoint="another", reason="the server is down"),
        )

        groups = view.failed_groups(ALL, limit=10)

        assert (groups[0].count, groups[0].reason) == (2, "parcel … for … is lost")
        assert sorted(group.count for group in groups) == [1, 1, 2]
        assert groups[0].first_failed_at == SENT_AT + timedelta(minutes=1)
        assert groups[0].last_failed_at == SENT_AT + timedelta(minutes=2)
        [largest] = view.failed_groups(ALL, limit=1)
        assert largest == groups[0]

    def test_a_group_leads_to_its_members(self, store: SqlStore, view: SqlOperations) -> None:
        park(
            store,
            a_failure_of(1, reason="parcel 17 is lost"),
            a_failure_of(2, reason="parcel 18 is lost"),
            a_failure_of(3, reason="the server is down"),
        )
        [group] = view.failed_groups(ALL, limit=1)

        found = view.matching(FailedMessageSearch(group=group.group), limit=10)

        assert found == ["f-1", "f-2"]

    def test_filters_offer_what_there_is(self, store: SqlStore, view: SqlOperations) -> None:
        park(
            store,
            a_failure_of(1),
            a_failure_of(2, endpoint="bookkeeper.book", channel="books"),
            a_failure_of(3, endpoint="", channel="mails"),
            a_failure_of(4, endpoint="gone", deleted_at=SENT_AT),
        )

        choices = view.failed_choices()

        assert choices.endpoints == ["bookkeeper.book", "post.sort_parcel"]
        assert choices.channels == ["books", "mails", "parcels"]
        assert choices.exceptions == ["post.errors.UnreadableAddress"]

    def test_neighbours_are_the_next_newer_and_older(
        self, store: SqlStore, view: SqlOperations
    ) -> None:
        park(store, *(a_failure_of(number) for number in (1, 2, 3)))
        newest, middle, oldest = view.places(ALL, limit=3)

        assert view.neighbours(middle, deleted=False) == (newest, oldest)
        assert view.neighbours(newest, deleted=False) == (None, middle)
        assert view.neighbours(oldest, deleted=False) == (middle, None)

    def test_the_history_outlives_the_replay(self, store: SqlStore, view: SqlOperations) -> None:
        park(store, a_failure_of(1))
        attempt = Attempt(attempt=1, outcome="failed", at=SENT_AT, reason="lost")
        note(store, attempt)
        before = view.history("f-1")

        take(store, "f-1")
        after = view.history("f-1")

        assert before is not None
        assert before.failed is not None
        assert before.failed.failure == a_failure_of(1).failure
        assert after is not None
        assert after.failed is None
        assert after.attempts == [attempt]
        assert view.history("f-2") is None

    def test_the_last_failure_may_be_a_deleted_one(
        self, store: SqlStore, view: SqlOperations
    ) -> None:
        nothing = view.last_failure()
        park(store, a_failure_of(1), a_failure_of(2, deleted_at=SENT_AT))

        assert nothing is None
        assert view.last_failure() == SENT_AT + timedelta(minutes=2)

    def test_the_backlog_is_told_by_channel(
        self, store: SqlStore, view: SqlOperations, url: str
    ) -> None:
        waiting = SqlWaitingDeliveries(store)
        send(
            store,
            a_delivery(),
            a_delivery(),
            a_delivery(available_at=SENT_AT.replace(year=2999)),
            a_delivery(channel="books"),
        )
        [claimed] = waiting.claim(["books"], limit=1, token="relay")
        waiting.put_back([claimed], delay_seconds=0)
        let_time_pass(url, timedelta(seconds=1))

        books, parcels = view.backlog()

        assert (books.channel, books.struggling) == ("books", 1)
        assert (parcels.channel, parcels.ready, parcels.delayed) == ("parcels", 2, 1)
        assert parcels.oldest_at is not None
        assert books.handed_over == parcels.handed_over == 0

    def test_what_was_done_is_counted_by_endpoint(
        self, store: SqlStore, view: SqlOperations
    ) -> None:
        for endpoint in ("books", "books", "mails"):
            finish(store, a_delivery(endpoint=endpoint))

        done = view.throughput(SENT_AT)

        assert [(one.endpoint, one.done) for one in done] == [("books", 2), ("mails", 1)]
        assert view.throughput(SENT_AT.replace(year=2999)) == []

    def test_a_projection_tells_how_far_it_is(self, store: SqlStore, view: SqlOperations) -> None:
        committed(store, lambda unit: unit.events.append(some_events("p-1", 5)))
        [fresh] = view.projections([("list", ("parcel",))])
        committed(
            store,
            lambda unit: unit.positions.save(
                Position(
                    projection="list",
                    position=fresh.head - 2,
                    status=ProjectionStatus.FAILED,
                    error="it broke",
                )
            ),
        )

        [behind, foreign] = view.projections([("list", ("parcel",)), ("other", ("letter",))])

        assert (fresh.position, fresh.lag, fresh.status) == (0, 5, ProjectionStatus.RUNNING)
        assert fresh.behind_since == SENT_AT
        assert (behind.lag, behind.head) == (2, fresh.head)
        assert (behind.status, behind.error) == (ProjectionStatus.FAILED, "it broke")
        assert (foreign.lag, foreign.head, foreign.behind_since) == (0, 0, None)


class TestOperationsOnSqlite(SqliteFixtures, OperationsTests):
    pass


class TestOperationsOnPostgresql(PostgresqlFixtures, OperationsTests):
    pass


@pytest.mark.parametrize(
    ("reason", "pattern"),
    [
        ("timeout after 30.5 s", "timeout after … s"),
        ('key "a b" is missing', "key … is missing"),
        ("no parcel 019b8d2a-0000-7000-8000-000000000001", "no parcel …"),
        ("object at 0x7f3a", "object at …"),
        ("cannot write to ada@example.com now", "cannot write to … now"),
        ("first\nsecond", "first"),
        ("v2 is not v3", "v2 is not v3"),
    ],
)
def test_what_varies_in_a_reason_is_masked(reason: str, pattern: str) -> None:
    assert masked(reason) == pattern
