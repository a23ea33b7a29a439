from datetime import UTC, datetime, timedelta
from threading import Event, Lock

from app.composition.heartbeats import Heart
from ports.errors import StoreUnavailable
from ports.outbound.operations import Heartbeat
from tests.support.waiting import wait_until

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class HeardBeats:
    """Heartbeats in memory; the store can be taken away."""

    def __init__(self) -> None:
        self.heard: list[Heartbeat] = []
        self.left: list[str] = []
        self.away = False
        self._lock = Lock()

    def beat(self, heartbeat: Heartbeat) -> None:
        if self.away:
            raise StoreUnavailable("gone")
        with self._lock:
            self.heard.append(heartbeat)

    def leave(self, process: str) -> None:
        if self.away:
            raise StoreUnavailable("gone")
        self.left.append(process)

    def all(self, *, limit: int = 200) -> list[Heartbeat]:
        return self.heard[-limit:]

    def purge(self, *, before: datetime) -> int:
        raise NotImplementedError


def a_heart(beats: HeardBeats, *, every: timedelta = timedelta(milliseconds=10)) -> Heart:
    return Heart(beats, kind="worker", channels=["post.mails"], now=lambda: NOON, every=every)


def test_a_process_is_heard_at_once_and_again_and_again() -> None:
    beats = HeardBeats()
    heart = a_heart(beats)

    heart.start()
    wait_until(lambda: len(beats.heard) >= 3, limit_s=5, what="three beats")
    heart.stop()

    assert {beat.process for beat in beats.heard} == {heart.process}
    assert beats.heard[0].channels == ("post.mails",)


def test_who_stops_leaves_and_is_silent() -> None:
    beats = HeardBeats()
    heart = a_heart(beats)
    heart.start()
    wait_until(lambda: beats.heard, limit_s=5, what="a beat")

    heart.stop()
    heart.stop()
    count = len(beats.heard)

    assert beats.left == [heart.process]
    assert not Event().wait(0.05)
    assert len(beats.heard) == count


def test_starting_twice_beats_once() -> None:
    beats = HeardBeats()
    heart = a_heart(beats, every=timedelta(hours=1))

    heart.start()
    heart.start()
    wait_until(lambda: beats.heard, limit_s=5, what="a beat")
    heart.stop()

    assert len(beats.heard) == 1


def test_a_store_that_is_away_for_a_while_stops_no_heart() -> None:
    beats = HeardBeats()
    beats.away = True
    heart = a_heart(beats)
    heart.start()

    beats.away = False
    wait_until(lambda: beats.heard, limit_s=5, what="a beat")
    beats.away = True
    heart.stop()

    assert beats.left == []


def test_a_beat_tells_what_is_handled_and_what_was() -> None:
    beats = HeardBeats()
    heart = a_heart(beats)
    heart.start()

    with heart.handling("mailroom.receipt"):
        wait_until(
            lambda: beats.heard and beats.heard[-1].handling == "mailroom.receipt",
            limit_s=5,
            what="a beat while handling",
        )
        during = beats.heard[-1]
    for outcome in ("done", "failed", "retried", "duplicate"):
        heart.count(outcome)
    wait_until(lambda: beats.heard[-1].handled == 4, limit_s=5, what="a beat after handling")
    heart.stop()

    assert during.handling_since == NOON
    assert beats.heard[-1].failed == 2
    assert beats.heard[-1].handling == ""
