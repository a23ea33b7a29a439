"""SIGKILL at the worst moment: the message comes back, with a count, and one that always kills
comes to an end."""

import os
import signal
from pathlib import Path

import pytest
import redis

from adapters.celery_channels.broker import BrokerKind
from tests.adapters.celery_channels.conftest import RABBITMQ, SQL, Desks
from tests.adapters.celery_channels.desk import Desk
from tests.support.waiting import wait_until


def test_what_a_killed_worker_held_is_handed_over_again(desk: Desk) -> None:
    gate = desk.signpost("open")
    with desk.worker() as victim:
        running = desk.send(do="wait", file=str(gate))
        waiting = [desk.send(do="wait", file=str(gate)) for _ in range(5)]
        desk.wait_for("started", running)  # the proof that it held work
        wait_until(lambda: holds(desk, 6), what="a worker that holds all six messages")
        victim.kill()
    assert desk.events("done") == []

    gate.touch()
    with desk.worker():
        for message in [running, *waiting]:
            desk.wait_for("done", message)

    handed_over = [entry["hand_overs"] for entry in desk.events("started", running)]
    assert handed_over[0] == 0
    assert handed_over[1] >= 1


def holds(desk: Desk, count: int) -> bool:
    """Whether the worker holds so many messages, and its broker knows.

    On Redis a message is taken from the list first and noted as taken afterwards. A worker killed
    in between loses it for the broker; the message table still has it.
    """
    if desk.broker.kind is not BrokerKind.REDIS:
        return desk.channel.depth() == 0
    with redis.Redis.from_url(desk.settings.url) as client:
        return bool(client.hlen("unacked") == count)


@pytest.mark.parametrize("kind", [RABBITMQ, SQL])
def test_a_message_that_kills_its_process_each_time_comes_to_an_end(
    kind: str, desks: Desks, tmp_path: Path
) -> None:
    with desks.on(kind, tmp_path, pool="prefork") as desk, desk.worker():
        poison = desk.send(do="die")
        bystander = desk.send(do="note")

        desk.wait_for("poisonous", poison, limit_s=60)
        desk.wait_for("done", bystander)
        wait_until(lambda: desk.channel.depth() == 0, what="an empty queue")

        counts = [entry["hand_overs"] for entry in desk.events("started", poison)]
        assert counts == [0, 1, 2]


def test_a_message_that_kills_a_whole_worker_each_time_comes_to_an_end(desk: Desk) -> None:
    poison = desk.send(do="die")

    for _ in range(4):
        with desk.worker(pool="threads", concurrency=1, may_die=True) as worker:
            wait_until(
                lambda: desk.events("poisonous", poison) or worker.process.poll() is not None,
                limit_s=20,
                what="an end of the worker or of the message",
            )
        if desk.events("poisonous", poison):
            break

    assert len(desk.events("started", poison)) == 3
    assert all(entry["hand_overs"] >= 1 for entry in desk.events("started", poison)[1:])


@pytest.mark.parametrize("kind", [RABBITMQ, SQL])
def test_who_only_shares_a_process_with_a_message_that_kills_it_is_not_condemned_with_it(
    kind: str, desks: Desks, tmp_path: Path
) -> None:
    with desks.on(kind, tmp_path, pool="threads", concurrency=4) as desk:
        gate = desk.signpost("open")
        with desk.worker(may_die=True) as worker:
            innocents = [desk.send(do="linger", file=str(gate)) for _ in range(3)]
            for message in innocents:
                desk.wait_for("started", message)
            poison = desk.send(do="die")
            worker.process.wait(20)
        gate.touch()

        while len(desk.events("poisonous")) + len(desk.events("done")) < 4:
            with desk.worker(may_die=True) as worker:
                wait_until(
                    lambda: (
                        worker.process.poll() is not None
                        or len(desk.events("poisonous")) + len(desk.events("done")) == 4
                    ),
                    limit_s=30,
                    what="an end of the worker or of all messages",
                )

        assert [entry["message"] for entry in desk.events("poisonous")] == [poison]
        for message in innocents:
            assert len(desk.events("done", message)) == 1


def test_a_worker_that_is_asked_to_stop_lets_a_running_handler_finish(desk: Desk) -> None:
    gate = desk.signpost("open")
    with desk.worker() as worker:
        message = desk.send(do="wait", file=str(gate))
        desk.wait_for("started", message)
        worker.process.terminate()
        gate.touch()

        assert worker.process.wait(20) == 0

    assert len(desk.events("done", message)) == 1
    with desk.worker():
        later = desk.send(do="note")
        desk.wait_for("done", later)
    assert len(desk.events("started", message)) == 1


def test_a_stopped_handler_process_takes_only_its_own_message_along(
    rabbitmq_desk: Desk,
) -> None:
    desk = rabbitmq_desk
    gate = desk.signpost("open")
    with desk.worker(pool="prefork", concurrency=2):
        one = desk.send(do="wait", file=str(gate))
        other = desk.send(do="wait", file=str(gate))
        victim = desk.wait_for("started", one)[0]["pid"]
        desk.wait_for("started", other)

        os.kill(victim, signal.SIGKILL)
        gate.touch()

        desk.wait_for("done", one)
        desk.wait_for("done", other)
    assert len(desk.events("started", one)) == 2
    assert len(desk.events("started", other)) == 1
