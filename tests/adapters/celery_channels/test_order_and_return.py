"""Priorities, messages that RabbitMQ put aside, and lines that break under a worker."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.celery_channels.broker import DELIVERY_LIMIT
from tests.adapters.celery_channels.conftest import BROKERS, PORTS, RABBITMQ, REDIS, Desks
from tests.adapters.celery_channels.desk import Desk
from tests.adapters.celery_channels.line import Line, line_to
from tests.support.waiting import wait_until


@pytest.mark.parametrize("kind", BROKERS)
def test_nine_comes_before_zero_on_every_broker(kind: str, desks: Desks, tmp_path: Path) -> None:
    with desks.on(kind, tmp_path, prioritised=True, concurrency=1, prefetch=1) as desk:
        sent = {priority: desk.send(do="note", priority=priority) for priority in (0, 4, 9, 5)}
        wait_until(lambda: desk.channel.depth() == 4, what="four messages")

        with desk.worker():
            for message in sent.values():
                desk.wait_for("done", message)

    handled = [entry["message"] for entry in desk.events("done")]
    assert handled == [sent[9], sent[5], sent[4], sent[0]]


def test_what_was_handed_over_too_often_is_put_aside_and_drained(rabbitmq_desk: Desk) -> None:
    desk = rabbitmq_desk
    message = desk.send(do="note")
    aside = f"{desk.channel.name}.rejected"
    with desk.broker.connection() as connection:
        channel: Any = connection.channel()

        def put_aside() -> bool:
            taken = channel.basic_get(desk.channel.name)
            if taken is not None:
                channel.basic_reject(taken.delivery_tag, requeue=True)
            return bool(channel.queue_declare(aside, passive=True).message_count)

        wait_until(put_aside, limit_s=20, what="a message that RabbitMQ has put aside")

    with desk.worker():
        desk.wait_for("done", message)

        [started] = desk.events("started", message)
        assert started["hand_overs"] >= DELIVERY_LIMIT


@pytest.fixture(params=[RABBITMQ, REDIS])
def desk_over_line(
    request: pytest.FixtureRequest, desks: Desks, tmp_path: Path
) -> Iterator[tuple[Desk, Line]]:
    """The worker talks to the broker over a line, the desk itself does not."""
    with (
        desks.on(request.param, tmp_path) as desk,
        line_to(desk.settings.url, default_port=PORTS[request.param]) as (line, url),
    ):
        desk.worker_settings = replace(desk.settings, url=url)
        yield desk, line


def test_a_worker_whose_line_breaks_connects_again_and_goes_on(
    desk_over_line: tuple[Desk, Line],
) -> None:
    desk, line = desk_over_line
    gate = desk.signpost("open")
    # Room for more: after the cut the message that is being handled is handed over a second time.
    with desk.worker(concurrency=4) as worker:
        running = desk.send(do="wait", file=str(gate))
        desk.wait_for("started", running)

        line.cut()
        later = desk.send(do="note")
        desk.wait_for("done", later)
        gate.touch()

        desk.wait_for("done", running)
        wait_until(lambda: desk.channel.depth() == 0, what="an empty queue")
        assert worker.process.poll() is None


def test_a_worker_whose_line_breaks_while_the_storage_is_away_still_waits_for_it(
    desk_over_line: tuple[Desk, Line],
) -> None:
    desk, line = desk_over_line
    post = desk.settings.contexts[0]
    desk.take_storage_away(post)
    with desk.worker():
        message = desk.send(do="note")
        desk.wait_for("refused", message)
        wait_until(lambda: desk.channel.depth() == 1, what="the message back in the broker")

        line.cut()
        parcel = desk.send(do="note", context=desk.settings.contexts[1])
        desk.wait_for("done", parcel)
        assert desk.channel.depth() == 1

        desk.bring_storage_back(post)
        desk.wait_for("done", message)
