"""What every collection of failed messages owes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ports.errors import NoSuchFailedMessage
from ports.outbound.failed_messages import Attempt, FailedMessage
from ports.outbound.transactions import Store
from tests.suites.beside import at_once
from tests.suites.builders import SENT_AT, a_failed_message, a_failure
from tests.suites.store_fixtures import StoreFixtures, committed, seen

DELETED_AT = SENT_AT + timedelta(days=1)


class FailedMessagesSuite(StoreFixtures):
    """Needs the fixtures ``store`` and ``another_store`` of :class:`StoreFixtures`."""

    def test_what_was_never_parked_is_not_found(self, store: Store) -> None:
        assert _find(store, "f-1") is None

    def test_a_failed_message_is_found_as_it_was_parked(self, store: Store) -> None:
        failed = a_failed_message("f-1")

        _park(store, failed)

        assert _find(store, "f-1") == failed

    def test_an_unreadable_message_is_kept_as_its_bytes(self, store: Store) -> None:
        failed = FailedMessage(
            id="f-1",
            channel="parcels",
            endpoint="",
            message_id="",
            failure=a_failure(),
            raw=b"\x00\xff\xfe not a message",
        )

        _park(store, failed)

        assert _find(store, "f-1") == failed

    def test_the_same_unit_of_work_finds_what_it_parked(self, store: Store) -> None:
        failed = a_failed_message("f-1")
        unit = store.begin()
        unit.failed_messages.park(failed)

        assert unit.failed_messages.find("f-1") == failed

        unit.rollback()
        assert _find(store, "f-1") is None

    def test_parking_again_replaces_the_earlier_failure(self, store: Store) -> None:
        _park(store, a_failed_message("f-1", reason="the first reason"))
        again = a_failed_message("f-1", reason="another reason")

        _park(store, again)

        assert _find(store, "f-1") == again
        assert _oldest(store) == ["f-1"]

    def test_a_failed_message_can_be_taken_only_once(self, store: Store) -> None:
        failed = a_failed_message("f-1")
        _park(store, failed)

        assert committed(store, lambda unit: unit.failed_messages.take("f-1")) == failed
        with pytest.raises(NoSuchFailedMessage):
            committed(store, lambda unit: unit.failed_messages.take("f-1"))

        assert _find(store, "f-1") is None

    def test_of_those_who_take_at_once_one_gets_it(self, store: Store) -> None:
        _park(store, a_failed_message("f-1"))

        def take() -> str:
            try:
                return committed(store, lambda unit: unit.failed_messages.take("f-1")).id
            except NoSuchFailedMessage:
                return "too late"

        assert sorted(map(str, at_once(take, take, take))) == ["f-1", "too late", "too late"]

    def test_what_was_taken_in_vain_is_still_there(self, store: Store) -> None:
        failed = a_failed_message("f-1")
        _park(store, failed)
        unit = store.begin()
        unit.failed_messages.take("f-1")

        unit.rollback()

        assert _find(store, "f-1") == failed

    def test_a_message_that_fails_after_it_was_taken_is_parked_again(self, store: Store) -> None:
        _park(store, a_failed_message("f-1"))
        committed(store, lambda unit: unit.failed_messages.take("f-1"))
        again = a_failed_message("f-1", reason="it failed again")

        _park(store, again)

        assert _find(store, "f-1") == again

    def test_a_deleted_message_is_found_but_not_among_the_others(self, store: Store) -> None:
        failed = a_failed_message("f-1")
        _park(store, failed)

        _delete(store, "f-1")

        assert _find(store, "f-1") == replace(failed, deleted_at=DELETED_AT)
        assert _oldest(store) == []

    def test_a_deleted_message_cannot_be_taken(self, store: Store) -> None:
        _park(store, a_failed_message("f-1"))
        _delete(store, "f-1")

        with pytest.raises(NoSuchFailedMessage):
            committed(store, lambda unit: unit.failed_messages.take("f-1"))

        assert _find(store, "f-1") is not None

    def test_deleting_what_is_not_there_is_refused(self, store: Store) -> None:
        with pytest.raises(NoSuchFailedMessage) as refused:
            _delete(store, "f-1")

        assert refused.value.failed_message_id == "f-1"

    def test_a_deleted_message_can_be_restored(self, store: Store) -> None:
        failed = a_failed_message("f-1")
        _park(store, failed)
        _delete(store, "f-1")

        committed(store, lambda unit: unit.failed_messages.restore("f-1"))

        assert _find(store, "f-1") == failed
        assert _oldest(store) == ["f-1"]

    def test_only_what_is_deleted_can_be_restored(self, store: Store) -> None:
        _park(store, a_failed_message("f-1"))

        with pytest.raises(NoSuchFailedMessage):
            committed(store, lambda unit: unit.failed_messages.restore("f-1"))
        with pytest.raises(NoSuchFailedMessage):
            committed(store, lambda unit: unit.failed_messages.restore("unknown"))

    def test_all_can_be_walked_in_steps_while_some_are_taken(self, store: Store) -> None:
        for number in (3, 1, 5, 2, 4):
            _park(store, a_failed_message(f"f-{number}"))
        _delete(store, "f-4")

        first = _oldest(store, limit=2)
        committed(store, lambda unit: unit.failed_messages.take("f-2"))
        second = _oldest(store, after="f-2", limit=2)
        third = _oldest(store, after="f-5", limit=2)

        assert first == ["f-1", "f-2"]
        assert second == ["f-3", "f-5"]
        assert third == []

    def test_contexts_do_not_share_failed_messages(
        self, store: Store, another_store: Store
    ) -> None:
        own, other = a_failed_message("f-1", reason="own"), a_failed_message("f-1", reason="other")
        _park(store, own)
        _park(another_store, other)
        _park(another_store, a_failed_message("f-2"))

        assert _find(store, "f-1") == own
        assert _oldest(store) == ["f-1"]
        committed(store, lambda unit: unit.failed_messages.take("f-1"))
        assert _find(another_store, "f-1") == other

    def test_a_message_that_never_failed_has_no_history(self, store: Store) -> None:
        assert list(seen(store, lambda unit: unit.failed_messages.attempts("f-1"))) == []

    def test_the_history_shows_the_attempts_in_order(self, store: Store) -> None:
        attempts = [
            Attempt(
                attempt=1, outcome="retried", at=SENT_AT, reason="no answer", trace="00-a-b-01"
            ),
            Attempt(attempt=2, outcome="failed", at=SENT_AT, reason="no answer"),
            Attempt(attempt=3, outcome="replayed", at=SENT_AT + timedelta(hours=1), actor="Ada"),
        ]

        for attempt in attempts:
            _note(store, "f-1", attempt)

        assert _attempts(store, "f-1") == attempts

    def test_the_history_outlives_the_failed_message(self, store: Store) -> None:
        _park(store, a_failed_message("f-1"))
        attempt = Attempt(attempt=1, outcome="failed", at=SENT_AT)
        _note(store, "f-1", attempt)

        committed(store, lambda unit: unit.failed_messages.take("f-1"))

        assert _attempts(store, "f-1") == [attempt]

    def test_the_history_shows_the_latest_hundred_attempts(self, store: Store) -> None:
        attempts = [Attempt(attempt=n, outcome="retried", at=SENT_AT) for n in range(1, 104)]
        unit = store.begin()
        for attempt in attempts:
            unit.failed_messages.note_attempt("f-1", attempt)
        unit.commit()

        assert _attempts(store, "f-1") == attempts[3:]

    def test_histories_belong_to_one_message_of_one_context(
        self, store: Store, another_store: Store
    ) -> None:
        _note(store, "f-1", Attempt(attempt=1, outcome="failed", at=SENT_AT))

        assert _attempts(store, "f-2") == []
        assert _attempts(another_store, "f-1") == []

    def test_an_attempt_noted_in_vain_is_not_in_the_history(self, store: Store) -> None:
        unit = store.begin()
        unit.failed_messages.note_attempt("f-1", Attempt(attempt=1, outcome="failed", at=SENT_AT))

        unit.rollback()

        assert _attempts(store, "f-1") == []


def _park(store: Store, failed: FailedMessage) -> None:
    committed(store, lambda unit: unit.failed_messages.park(failed))


def _delete(store: Store, identifier: str) -> None:
    committed(store, lambda unit: unit.failed_messages.delete(identifier, at=DELETED_AT))


def _find(store: Store, identifier: str) -> FailedMessage | None:
    return seen(store, lambda unit: unit.failed_messages.find(identifier))


def _oldest(store: Store, *, after: str = "", limit: int = 10) -> list[str]:
    return list(seen(store, lambda unit: unit.failed_messages.oldest(after=after, limit=limit)))


def _note(store: Store, identifier: str, attempt: Attempt) -> None:
    committed(store, lambda unit: unit.failed_messages.note_attempt(identifier, attempt))


def _attempts(store: Store, identifier: str) -> list[Attempt]:
    return list(seen(store, lambda unit: unit.failed_messages.attempts(identifier)))
