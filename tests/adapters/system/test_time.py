import os
import threading
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest

from adapters.system.time import SystemClock, UuidV7Identifiers


def test_the_clock_tells_the_present_with_its_zone() -> None:
    before = datetime.now(UTC)

    now = SystemClock().now()

    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_identifiers_are_uuids_of_version_7_in_their_usual_spelling() -> None:
    text = UuidV7Identifiers().new()

    identifier = UUID(text)
    assert identifier.version == 7
    assert identifier.variant == RFC_4122
    assert str(identifier) == text


def test_an_identifier_tells_the_millisecond_of_its_making(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.system.time.time.time_ns", lambda: 1_767_603_600_123_999_999)

    identifier = UuidV7Identifiers().new()

    assert UUID(identifier).int >> 80 == 1_767_603_600_123


def test_identifiers_ascend_and_never_repeat() -> None:
    identifiers = UuidV7Identifiers()

    made = [identifiers.new() for _ in range(50_000)]

    assert made == sorted(set(made))


def test_identifiers_ascend_within_one_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.system.time.time.time_ns", lambda: 1_767_603_600_123_000_000)
    identifiers = UuidV7Identifiers()

    made = [identifiers.new() for _ in range(10_000)]

    assert made == sorted(set(made))
    assert {UUID(text).int >> 80 for text in made} == {1_767_603_600_123}


def test_identifiers_ascend_while_the_clock_runs_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    nanoseconds = iter(range(1_767_603_600_000_000_000, 0, -5_000_000))
    monkeypatch.setattr("adapters.system.time.time.time_ns", lambda: next(nanoseconds))
    identifiers = UuidV7Identifiers()

    made = [identifiers.new() for _ in range(1_000)]

    assert made == sorted(set(made))


def test_identifiers_ascend_beyond_a_millisecond_that_is_used_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.system.time.time.time_ns", lambda: 1_767_603_600_123_000_000)
    identifiers = UuidV7Identifiers()
    first = identifiers.new()
    monkeypatch.setattr(identifiers, "_tail", (1 << 74) - 1)

    second = identifiers.new()

    assert UUID(first).int >> 80 == 1_767_603_600_123
    assert UUID(second).int >> 80 == 1_767_603_600_124
    assert UUID(second).version == 7


def test_threads_never_get_the_same_identifier() -> None:
    identifiers = UuidV7Identifiers()
    made: list[list[str]] = [[] for _ in range(4)]

    def make(into: list[str]) -> None:
        into.extend(identifiers.new() for _ in range(5_000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({text for part in made for text in part}) == 20_000
    assert all(part == sorted(part) for part in made)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_makes_identifiers_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    # With the time standing still, only the random part can tell parent and child apart.
    monkeypatch.setattr("adapters.system.time.time.time_ns", lambda: 1_767_603_600_123_000_000)
    identifiers = UuidV7Identifiers()
    identifiers.new()
    reading, writing = os.pipe()

    child = os.fork()
    if child == 0:
        os.write(writing, "".join(identifiers.new() for _ in range(20)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)

    of_child = [text[start : start + 36] for start in range(0, len(text), 36)]
    of_parent = [identifiers.new() for _ in range(20)]
    assert len(of_child) == 20
    assert set(of_child).isdisjoint(of_parent)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_forked_while_a_thread_makes_identifiers_is_not_stuck() -> None:
    identifiers = UuidV7Identifiers()
    identifiers._lock.acquire()

    child = os.fork()
    if child == 0:
        identifiers.new()
        os._exit(0)
    identifiers._lock.release()

    for _ in range(500):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        threading.Event().wait(0.01)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
        pytest.fail("the child waits for a lock that nobody will release")
    assert status == 0
