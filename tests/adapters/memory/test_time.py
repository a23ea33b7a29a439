from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest

from adapters.memory.time import START, SequentialIdentifiers, VirtualClock


def test_a_virtual_clock_stands_still() -> None:
    clock = VirtualClock()

    assert [clock.now(), clock.now()] == [START, START]


def test_a_virtual_clock_goes_on_when_told() -> None:
    clock = VirtualClock()

    clock.advance(timedelta(minutes=5))

    assert clock.now() == START + timedelta(minutes=5)


def test_a_virtual_clock_can_be_set() -> None:
    clock = VirtualClock(datetime(2026, 3, 1, tzinfo=UTC))

    clock.move_to(datetime(2026, 3, 2, tzinfo=UTC))

    assert clock.now() == datetime(2026, 3, 2, tzinfo=UTC)


def test_a_virtual_clock_never_goes_back() -> None:
    clock = VirtualClock()

    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(timedelta(microseconds=-1))
    with pytest.raises(ValueError, match="does not go back"):
        clock.move_to(START - timedelta(days=1))

    assert clock.now() == START


def test_a_virtual_clock_knows_no_time_without_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        VirtualClock(datetime(2026, 3, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="zone"):
        VirtualClock().move_to(datetime(2027, 3, 1))  # noqa: DTZ001


def test_identifiers_are_the_same_on_every_run() -> None:
    first, second = SequentialIdentifiers(), SequentialIdentifiers()

    assert [first.new(), first.new()] == [second.new(), second.new()]


def test_identifiers_have_the_form_of_uuids_and_ascend() -> None:
    identifiers = SequentialIdentifiers()

    made = [identifiers.new() for _ in range(300)]

    assert made == sorted(set(made))
    assert {UUID(text).version for text in made} == {7}
    assert {UUID(text).variant for text in made} == {RFC_4122}


def test_identifiers_of_two_series_differ() -> None:
    assert SequentialIdentifiers(1).new() != SequentialIdentifiers(2).new()
    with pytest.raises(ValueError, match="series"):
        SequentialIdentifiers(4096)
