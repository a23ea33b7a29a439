"""Celery workers on the broker, as real processes: the same on every database and pool."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection

from tests.adapters.sql_broker.brokers import channel_to, consumers, ready
from tests.adapters.sql_broker.workers import Worker, running_worker
from tests.support.waiting import wait_until

POOLS = {
    "threads": ("-P", "threads", "-c", "4"),
    # Children are replaced while the connections of the main process are in use.
    "prefork": ("-P", "prefork", "-c", "2", "--max-tasks-per-child", "40"),
}


class RunningWorkerSuite:
    """One worker per pool, shared by the tests."""

    @pytest.fixture(scope="class")
    @classmethod
    def url(cls) -> str:
        raise NotImplementedError("a subclass provides the address of a broker for all tests")

    @pytest.fixture(scope="class", params=POOLS)
    @classmethod
    def worker(cls, url: str, request: pytest.FixtureRequest) -> Iterator[Worker]:
        with running_worker(url, *POOLS[request.param]) as worker:
            yield worker

    def test_every_task_is_done_once_and_leaves_the_queue(self, url: str, worker: Worker) -> None:
        texts = [f"{os.urandom(4).hex()}-{number}" for number in range(200)]

        for text in texts:
            worker.send(text)

        wait_until(lambda: len(worker.lines("ended")) >= 200, limit_s=60, what="200 tasks")
        assert sorted(worker.lines("ended")) == sorted(texts)
        with channel_to(url) as channel:
            wait_until(lambda: messages_of_tasks(channel) == 0, what="the acknowledgements")

    def test_the_worker_answers_to_inspect(self, worker: Worker) -> None:
        inspect = worker.app.control.inspect(destination=["tested@here"], timeout=10)

        assert inspect.ping() == {"tested@here": {"ok": "pong"}}

    def test_what_inspect_shows_of_the_broker_holds_no_password(self, worker: Worker) -> None:
        inspect = worker.app.control.inspect(destination=["tested@here"], timeout=10)

        stats = inspect.stats()

        assert stats is not None
        broker = stats["tested@here"]["broker"]
        assert broker["transport"] == "sqlbroker"
        assert "not-for-eyes" not in str(stats)

    def test_events_of_tasks_arrive(self, url: str, worker: Worker) -> None:
        seen: list[str] = []
        with Connection(url) as connection:

            def note(event: dict[str, Any]) -> None:
                seen.append(event["type"])
                if event["type"] == "task-succeeded":
                    receiver.should_stop = True

            receiver = worker.app.events.Receiver(connection, handlers={"*": note})
            consuming = receiver.itercapture(limit=None, timeout=20, wakeup=False)
            next(consuming)

            worker.send("watched")
            for _ in consuming:
                pass

        assert "task-received" in seen
        assert "task-succeeded" in seen


class WorkerLifeSuite:
    """Workers that end, in one way or another, each on a broker of its own."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError("a subclass provides the address of an empty broker")

    def test_a_warm_shutdown_finishes_the_running_task(self, url: str) -> None:
        with running_worker(url, *POOLS["threads"]) as worker:
            worker.send("slow", seconds=1.5)
            wait_until(
                lambda: worker.lines("began") == ["slow"], limit_s=30, what="the task to begin"
            )

            exit_code = worker.stop()

            assert exit_code == 0
            assert worker.lines("ended") == ["slow"]
            with channel_to(url) as channel:
                assert messages_of_tasks(channel) == 0
                assert consumers(channel, "work") == 0

    def test_a_shutdown_puts_back_what_was_prefetched(self, url: str) -> None:
        with running_worker(url, "-P", "threads", "-c", "1") as worker:
            for number in range(4):
                worker.send(f"{number}", seconds=1.0)
            wait_until(lambda: worker.lines("began") != [], limit_s=30, what="a task to begin")

            worker.stop()

            ended = worker.lines("ended")
            with channel_to(url) as channel:
                assert ready(channel, "work") == 4 - len(ended)
                assert ready(channel, "work") > 0

    def test_the_task_of_a_killed_worker_is_done_by_the_next(self, url: str) -> None:
        with running_worker(url, *POOLS["prefork"]) as worker:
            worker.send("interrupted", seconds=30)
            wait_until(lambda: worker.lines("began") != [], limit_s=30, what="the task to begin")
            os.killpg(worker.process.pid, signal.SIGKILL)
            worker.process.wait(10)

        with running_worker(url, *POOLS["prefork"]) as worker:
            wait_until(
                lambda: worker.lines("began") == ["interrupted"],
                limit_s=30,
                what="the lease to end and the task to begin again",
            )


def messages_of_tasks(channel: Any) -> int:
    """All messages of tasks in the table, held ones too."""
    with channel._transport.store._relaxed.use() as connection:
        count = "SELECT count(*) FROM broker_message WHERE queue = 'work'"
        return int(connection.execute(count).fetchone()[0])
