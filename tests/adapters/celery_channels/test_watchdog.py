import threading
import time
from datetime import timedelta

from adapters.celery_channels.watchdog import Watchdog
from ports.messages import Delivery
from tests.suites.builders import a_delivery
from tests.support.waiting import wait_until

LOOK_EVERY = timedelta(milliseconds=10)


class Log:
    def __init__(self) -> None:
        self.events: list[str] = []
        self.watchdog = Watchdog(
            stop_taking=lambda: self.events.append("stop taking"),
            leave=lambda: self.events.append("leave"),
            look_every=LOOK_EVERY,
        )

    def fail(self, delivery: Delivery, error: Exception) -> None:
        self.events.append(f"{type(error).__name__}: {error}")

    def broken_fail(self, delivery: Delivery, error: Exception) -> None:
        self.events.append("tried to fail")
        raise ConnectionError("the storage is away")


def test_a_handler_within_its_limit_is_left_alone() -> None:
    log = Log()

    for _ in range(3):
        with log.watchdog.watching(a_delivery(), 0.2, log.fail):
            pass
    time.sleep(0.4)  # well past the limit of all three

    assert log.events == []


def test_a_handler_over_its_limit_fails_and_the_process_leaves() -> None:
    log = Log()

    with log.watchdog.watching(a_delivery(endpoint="post.weigh"), 0.01, log.fail):
        wait_until(lambda: "leave" in log.events, what="the end")

    assert log.events == [
        "DeliveryTimedOut: post.weigh did not finish within 0.01 s",
        "stop taking",
        "leave",
    ]


def test_the_process_leaves_only_after_the_other_handlers_have_ended() -> None:
    log = Log()
    finish = threading.Event()

    def neighbour() -> None:
        with log.watchdog.watching(a_delivery(), 60, log.fail):
            finish.wait(30)
            log.events.append("neighbour finished")

    thread = threading.Thread(target=neighbour)
    thread.start()
    with log.watchdog.watching(a_delivery(), 0.01, log.fail):
        wait_until(lambda: "stop taking" in log.events, what="a watchdog that acts")
        finish.set()
        wait_until(lambda: "leave" in log.events, what="the end")
    thread.join(10)

    assert log.events[1:] == ["stop taking", "neighbour finished", "leave"]


def test_the_process_leaves_although_the_delivery_could_not_be_failed() -> None:
    log = Log()

    with log.watchdog.watching(a_delivery(), 0.01, log.broken_fail):
        wait_until(lambda: "leave" in log.events, what="the end")

    assert log.events == ["tried to fail", "stop taking", "leave"]


def test_a_watchdog_that_fell_asleep_wakes_for_the_next_handler() -> None:
    log = Log()
    with log.watchdog.watching(a_delivery(), 60, log.fail):
        pass
    time.sleep(50 * LOOK_EVERY.total_seconds())  # it sleeps after twenty looks without work

    with log.watchdog.watching(a_delivery(), 0.01, log.fail):
        wait_until(lambda: "leave" in log.events, what="the end")

    assert log.events[1:] == ["stop taking", "leave"]
