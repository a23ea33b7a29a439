"""What every implementation of wake-ups owes to the relay that waits for them."""

import time
from contextlib import closing

import pytest

from ports.outbound.transactions import Store
from ports.outbound.wakeups import WakeUps
from tests.suites.beside import Beside
from tests.suites.builders import a_delivery, an_event
from tests.suites.store_fixtures import committed
from tests.support.waiting import wait_until

_LONG_S = 10.0
_SHORT_S = 0.05


class WakeUpsSuite:
    """A subclass provides ``store`` and ``wake_ups``, which listens to the same database and is
    ready: what is committed from now on is heard."""

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError("a subclass provides the implementation under test")

    @pytest.fixture
    def wake_ups(self) -> WakeUps:
        raise NotImplementedError("a subclass provides the implementation under test")

    def test_waiting_ends_in_vain_after_the_timeout(self, wake_ups: WakeUps) -> None:
        begun = time.monotonic()

        assert not wake_ups.wait(_SHORT_S)

        assert time.monotonic() - begun >= _SHORT_S * 0.9

    def test_a_committed_message_wakes_who_waits(self, store: Store, wake_ups: WakeUps) -> None:
        waiting = Beside(lambda: wake_ups.wait(_LONG_S))
        begun = time.monotonic()

        committed(store, lambda unit: unit.messages.add(a_delivery()))

        assert waiting.result()
        assert time.monotonic() - begun < _LONG_S / 2

    def test_a_committed_event_wakes_who_waits(self, store: Store, wake_ups: WakeUps) -> None:
        waiting = Beside(lambda: wake_ups.wait(_LONG_S))

        committed(store, lambda unit: unit.events.append([an_event("p-1")]))

        assert waiting.result()

    def test_a_wake_up_is_kept_for_who_waits_later(self, store: Store, wake_ups: WakeUps) -> None:
        committed(store, lambda unit: unit.messages.add(a_delivery()))
        begun = time.monotonic()

        assert wake_ups.wait(_LONG_S)

        assert time.monotonic() - begun < _LONG_S / 2

    def test_nobody_uses_up_the_wake_up_of_another(self, store: Store, wake_ups: WakeUps) -> None:
        with closing(wake_ups.another()) as another:
            another.wait(_SHORT_S)  # connecting may count as a wake-up

            committed(store, lambda unit: unit.messages.add(a_delivery()))

            assert wake_ups.wait(_LONG_S)
            assert Beside(lambda: another.wait(_LONG_S)).result()

    def test_wake_ups_are_used_up_by_waiting(self, store: Store, wake_ups: WakeUps) -> None:
        for _ in range(3):
            committed(store, lambda unit: unit.messages.add(a_delivery()))

        assert wake_ups.wait(_LONG_S)

        wait_until(lambda: not wake_ups.wait(_SHORT_S), what="silence")

    def test_what_is_rolled_back_wakes_nobody(self, store: Store, wake_ups: WakeUps) -> None:
        unit = store.begin()
        unit.messages.add(a_delivery())
        unit.events.append([an_event("p-1")])
        unit.flush()

        unit.rollback()

        assert not wake_ups.wait(_SHORT_S)

    def test_a_commit_without_messages_or_events_wakes_nobody(
        self, store: Store, wake_ups: WakeUps
    ) -> None:
        committed(store, lambda unit: unit.deliveries.done(a_delivery()))

        assert not wake_ups.wait(_SHORT_S)

    def test_what_is_flushed_wakes_nobody_before_the_commit(
        self, store: Store, wake_ups: WakeUps
    ) -> None:
        unit = store.begin()
        unit.messages.add(a_delivery())
        unit.flush()
        assert not wake_ups.wait(_SHORT_S)

        unit.commit()

        assert wake_ups.wait(_LONG_S)
