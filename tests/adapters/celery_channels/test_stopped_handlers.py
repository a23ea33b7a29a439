"""Time limits and revocations: the delivery fails, the message does not come back for ever, and
nothing vanishes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.celery_channels.consuming import RESTART_ME
from adapters.celery_channels.wire import task_id
from tests.adapters.celery_channels.conftest import RABBITMQ, SQL, Desks
from tests.adapters.celery_channels.desk import Desk
from tests.support.waiting import wait_until


def test_a_handler_process_over_its_limit_is_stopped_and_the_delivery_fails(
    desks: Desks, tmp_path: Path
) -> None:
    with (
        desks.on(RABBITMQ, tmp_path, time_limit_seconds=1, concurrency=1) as desk,
        desk.worker() as worker,
    ):
        slow = desk.send(do="wait", file=str(desk.signpost("never")))

        failed = desk.wait_for("failed", slow)
        later = desk.send(do="note")
        desk.wait_for("done", later)
        wait_until(lambda: desk.channel.depth() == 0, what="an empty queue")

        assert [entry["error"] for entry in failed] == ["DeliveryTimedOut"]
        assert len(desk.events("started", slow)) == 1
        assert worker.process.poll() is None


def test_a_handler_thread_over_its_limit_fails_its_delivery_and_costs_the_worker(
    desks: Desks, tmp_path: Path
) -> None:
    with desks.on(SQL, tmp_path, time_limits={"post.stuck": 0.5}) as desk:
        gate = desk.signpost("open")
        with desk.worker() as worker:
            neighbour = desk.send(do="wait", file=str(gate))
            desk.wait_for("started", neighbour)
            never = str(desk.signpost("never"))
            stuck = desk.send(endpoint="post.stuck", do="wait", file=never)
            desk.wait_for("started", stuck)

            failed = desk.wait_for("failed", stuck)
            unseen = desk.send(do="note")
            gate.touch()

            assert worker.process.wait(20) == RESTART_ME
        assert [entry["error"] for entry in failed] == ["DeliveryTimedOut"]
        assert len(desk.events("done", neighbour)) == 1
        assert desk.events("started", unseen) == []

        desk.signpost("never").touch()
        with desk.worker():
            desk.wait_for("done", unseen)
            # The receiver is asked again and would find the delivery failed.
            assert desk.wait_for("done", stuck)


def test_a_delivery_may_have_a_limit_of_its_own(desks: Desks, tmp_path: Path) -> None:
    with (
        desks.on(RABBITMQ, tmp_path, time_limits={"post.sort_parcel": 1.0}) as desk,
        desk.worker(),
    ):
        slow = desk.send(do="wait", file=str(desk.signpost("never")))

        assert desk.wait_for("failed", slow)[0]["error"] == "DeliveryTimedOut"


@pytest.fixture
def revoking_desk(desk: Desk) -> Iterator[Desk]:
    with desk.worker():
        yield desk


def test_a_revoked_delivery_fails_instead_of_vanishing(revoking_desk: Desk) -> None:
    desk = revoking_desk
    delivery = desk.delivery(do="note")
    message = delivery.envelope.metadata.id
    desk.application.control.revoke(task_id(delivery), reply=True, timeout=5)

    desk.channel.publish([delivery])

    failed = desk.wait_for("failed", message)
    wait_until(lambda: desk.channel.depth() == 0, what="an empty queue")
    assert [entry["error"] for entry in failed] == ["DeliveryRevoked"]
    assert desk.events("started", message) == []


def test_a_delivery_revoked_while_it_waits_in_the_worker_fails(rabbitmq_desk: Desk) -> None:
    desk = rabbitmq_desk
    gate = desk.signpost("open")
    with desk.worker(concurrency=1, prefetch=4):
        running = desk.send(do="wait", file=str(gate))
        waiting = desk.delivery(do="note")
        desk.channel.publish([waiting])
        desk.wait_for("started", running)
        wait_until(lambda: desk.channel.depth() == 0, what="both in the worker")

        desk.application.control.revoke(task_id(waiting), reply=True, timeout=5)
        gate.touch()

        failed = desk.wait_for("failed", waiting.envelope.metadata.id)
        assert [entry["error"] for entry in failed] == ["DeliveryRevoked"]
        assert len(desk.wait_for("done", running)) == 1


def test_a_running_handler_can_be_terminated_and_its_delivery_fails(rabbitmq_desk: Desk) -> None:
    desk = rabbitmq_desk
    with desk.worker():
        delivery = desk.delivery(do="wait", file=str(desk.signpost("never")))
        message = delivery.envelope.metadata.id
        desk.channel.publish([delivery])
        desk.wait_for("started", message)

        desk.application.control.revoke(task_id(delivery), terminate=True, reply=True, timeout=5)

        failed = desk.wait_for("failed", message)
        later = desk.send(do="note")
        desk.wait_for("done", later)
        wait_until(lambda: desk.channel.depth() == 0, what="an empty queue")
        assert [entry["error"] for entry in failed] == ["DeliveryRevoked"]
        assert len(desk.events("started", message)) == 1


def test_a_running_thread_cannot_be_terminated_and_finishes(desks: Desks, tmp_path: Path) -> None:
    with desks.on(SQL, tmp_path) as desk, desk.worker():
        gate = desk.signpost("open")
        delivery = desk.delivery(do="wait", file=str(gate))
        message = delivery.envelope.metadata.id
        desk.channel.publish([delivery])
        desk.wait_for("started", message)

        desk.application.control.revoke(task_id(delivery), terminate=True, reply=True, timeout=5)
        gate.touch()

        desk.wait_for("done", message)
        wait_until(lambda: desk.channel.depth() == 0, what="an empty queue")
        assert desk.events("failed", message) == []
