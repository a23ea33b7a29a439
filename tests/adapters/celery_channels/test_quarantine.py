"""Who may run beside whom in one process, with threads as a worker has them."""

import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from adapters.celery_channels.broker import ChannelQueue
from adapters.celery_channels.jobs import Receive
from adapters.celery_channels.quarantine import Quarantine
from adapters.celery_channels.serving import HandBack, HandlerProcess, Receivers, Serving
from adapters.serialization.envelopes import decode_delivery, encode_delivery
from ports.outbound.channels import ChannelDeclaration
from tests.suites.builders import a_delivery
from tests.support.waiting import wait_until

LIMIT_S = 20.0


class Threads:
    """Handlers that run until they are let go, in the order in which they may start."""

    def __init__(self, quarantine: Quarantine, pool: ThreadPoolExecutor) -> None:
        self.quarantine = quarantine
        self.started: list[str] = []
        self.ended: list[str] = []
        self._pool = pool
        self._doors: dict[str, threading.Event] = {}

    def begin(self, name: str, *, hand_overs: int = 0) -> Future[None]:
        self._doors[name] = threading.Event()
        return self._pool.submit(self._handle, name, hand_overs)

    def begun(self, name: str, *, hand_overs: int = 0) -> Future[None]:
        """It runs."""
        handled = self.begin(name, hand_overs=hand_overs)
        self.wait_for(name)
        return handled

    def wait_for(self, name: str) -> None:
        wait_until(lambda: name in self.started, what=f"the start of {name}")

    def waiting(self, name: str, count: int) -> None:
        """So many suspects are there, and this one has not started."""
        wait_until(
            lambda: self.quarantine.suspects == count,
            what=f"{count} suspects",
        )
        assert name not in self.started

    def let_go(self, *names: str) -> None:
        for name in names:
            self._doors[name].set()

    def let_all_go(self) -> None:
        self.let_go(*self._doors)

    def _handle(self, name: str, hand_overs: int) -> None:
        with self.quarantine.place(hand_overs):
            self.started.append(name)
            assert self._doors[name].wait(LIMIT_S)
            self.ended.append(name)


@contextmanager
def in_threads(
    *, patience: timedelta = timedelta(seconds=LIMIT_S), count: int = 4
) -> Iterator[Threads]:
    with ThreadPoolExecutor(max_workers=count) as pool:
        threads = Threads(Quarantine(patience=patience), pool)
        try:
            yield threads
        finally:
            threads.let_all_go()


def test_those_who_are_no_suspects_run_side_by_side() -> None:
    with in_threads() as threads:
        for name in "abcd":
            threads.begun(name)

        assert threads.started == ["a", "b", "c", "d"]
        assert threads.ended == []


def test_suspects_run_one_after_the_other_in_their_order() -> None:
    with in_threads() as threads:
        threads.begun("first", hand_overs=1)
        for number, name in enumerate(("second", "third"), start=2):
            threads.begin(name, hand_overs=2)
            threads.waiting(name, number)

        threads.let_go("first")
        threads.wait_for("second")
        assert threads.started == ["first", "second"]

        threads.let_go("second")
        threads.wait_for("third")


def test_a_suspect_waits_for_those_who_run_and_keeps_the_others_out() -> None:
    with in_threads() as threads:
        threads.begun("before")
        threads.begin("suspect", hand_overs=1)
        threads.waiting("suspect", 1)
        later = threads.begin("later")

        threads.let_go("before")
        threads.wait_for("suspect")
        assert threads.started == ["before", "suspect"]

        threads.let_go("suspect", "later")
        later.result(LIMIT_S)
        assert threads.ended == ["before", "suspect", "later"]


def test_a_slow_handler_is_waited_for_only_so_long() -> None:
    with in_threads(patience=timedelta(milliseconds=50)) as threads:
        threads.begun("slow")

        threads.begun("suspect", hand_overs=1)
        threads.begun("later")

        assert threads.ended == []


def test_not_even_those_without_patience_let_two_suspects_run_together() -> None:
    with in_threads(patience=timedelta(milliseconds=10)) as threads:
        threads.begun("slow")
        threads.begun("suspect", hand_overs=1)
        threads.begin("other suspect", hand_overs=1)
        threads.waiting("other suspect", 2)
        threads.begun("later")  # it waited as long as any suspect does for it

        assert "other suspect" not in threads.started


@pytest.mark.parametrize("hand_overs", [0, 1])
def test_a_handler_that_fails_leaves_its_place(hand_overs: int) -> None:
    quarantine = Quarantine()

    for _ in range(3):
        with pytest.raises(LookupError), quarantine.place(hand_overs):
            raise LookupError

    with quarantine.place(1):
        assert quarantine.suspects == 1


def test_of_many_threads_no_two_are_beside_a_suspect() -> None:
    quarantine, running, seen = Quarantine(), [0, 0], set[tuple[int, int]]()
    mutex = threading.Lock()

    def handle(number: int) -> None:
        suspect = number % 5 == 0
        with quarantine.place(1 if suspect else 0):
            with mutex:
                running[suspect] += 1
                seen.add((running[0], running[1]))
            time.sleep(0.0005)
            with mutex:
                running[suspect] -= 1

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(handle, range(400), timeout=LIMIT_S))

    assert {pair for pair in seen if pair[1]} == {(0, 1)}
    assert max(pair[0] for pair in seen) > 1


def test_a_pool_that_stops_gets_all_that_it_has_begun_to_an_end() -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        threads = Threads(Quarantine(), pool)
        handled = [threads.begin(str(number), hand_overs=number % 2) for number in range(1, 5)]
        wait_until(lambda: len(threads.started) >= 1, what="a start")
        threads.let_all_go()

        pool.shutdown(wait=True)

    assert [one.exception() for one in handled] == [None] * 4
    assert sorted(threads.ended) == ["1", "2", "3", "4"]


def test_a_suspect_whose_storage_went_away_while_it_waited_goes_back_unhandled() -> None:
    received: list[int] = []
    storage = Receivers(
        receive=lambda _, hand_overs: received.append(hand_overs),
        reject=lambda *_: None,
        fail=lambda *_: None,
        storage_is_back=lambda: False,
    )
    serving = Serving(
        decode=decode_delivery,
        open_process=lambda: HandlerProcess(receivers={"post": storage}),
        time_limits={},
    )
    serving.quarantine = quarantine = Quarantine()
    queue = ChannelQueue(context="post", declaration=ChannelDeclaration(name="parcels"))
    job = Receive(b64encode(encode_delivery(a_delivery())).decode(), 1)

    with ThreadPoolExecutor(max_workers=1) as pool:
        with quarantine.place(1):
            handled = pool.submit(serving.run, queue, job)
            wait_until(lambda: quarantine.suspects == 2, what="a suspect that waits")
            serving.held.add("post")

        assert isinstance(handled.exception(LIMIT_S), HandBack)

    assert received == []
    serving.held.clear()
    serving.run(queue, job)
    assert received == [1]


def test_an_undisturbed_place_costs_next_to_nothing() -> None:
    quarantine = Quarantine()

    assert _best_of(5, lambda: _visit(quarantine, 1_000)) / 1_000 < 50e-6


def _visit(quarantine: Quarantine, times: int) -> None:
    for _ in range(times):
        with quarantine.place(0):
            pass


def _best_of(tries: int, act: Callable[[], None]) -> float:
    def once() -> float:
        began = time.perf_counter()
        act()
        return time.perf_counter() - began

    return min(once() for _ in range(tries))
