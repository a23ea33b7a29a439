"""What operators see by Celery's own means, and what they must not see."""

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from adapters.celery_channels.application import create_celery
from adapters.celery_channels.broker import MAINTENANCE
from adapters.celery_channels.wire import task_id
from tests.adapters.celery_channels.desk import Desk
from tests.support.waiting import wait_until

SECRET = "ada@example.org"  # stands for what a payload may hold


def test_inspect_shows_channel_and_endpoint_but_no_payload(busy_desk: Desk) -> None:
    desk = busy_desk
    gate = desk.signpost("inspected")
    message = desk.send(do="wait", file=str(gate), secret=SECRET)
    desk.wait_for("started", message)
    inspect = desk.application.control.inspect(timeout=3)

    active: Any = inspect.active()
    gate.touch()
    desk.wait_for("done", message)

    [task] = [task for tasks in active.values() for task in tasks]
    assert task["type"] == desk.channel.name
    assert task["name"] == f"{desk.channel.name} \N{MIDDLE DOT} post.sort_parcel"
    assert task["args"] == "post.sort_parcel"
    assert SECRET not in json.dumps(active)


def test_workers_answer_ping_and_stats(busy_desk: Desk) -> None:
    inspect = busy_desk.application.control.inspect(timeout=3)

    pings, stats = inspect.ping(), inspect.stats()

    assert pings is not None
    assert stats is not None
    assert list(pings.values()) == [{"ok": "pong"}]
    assert len(stats) == 1


def test_the_settings_that_inspect_shows_hold_no_password(busy_desk: Desk) -> None:
    inspect = busy_desk.application.control.inspect(timeout=3)

    [settings] = (inspect.conf() or {"": {}}).values()

    assert settings["task_acks_late"] is True
    assert "guest:guest" not in json.dumps(settings)


def test_events_tell_of_every_delivery_without_its_payload(busy_desk: Desk) -> None:
    events: list[dict[str, Any]] = []
    application = busy_desk.application
    delivery = busy_desk.delivery(do="note", secret=SECRET)
    identifier = task_id(delivery)

    with application.connection_for_read() as connection:
        receiver: Any = application.events.Receiver(connection, handlers={"*": events.append})
        with receiver.consumer_context() as (listening, *_):
            heard(listening, events, "", "")  # on Redis a listener subscribes when it first listens
            busy_desk.channel.publish([delivery])
            wait_until(lambda: heard(listening, events, "task-succeeded", identifier), limit_s=20)

    story = [event for event in events if event.get("uuid") == identifier]
    assert [event["type"] for event in story] == ["task-received", "task-started", "task-succeeded"]
    received = story[0]
    assert received["name"] == f"{busy_desk.channel.name} \N{MIDDLE DOT} post.sort_parcel"
    assert received["args"] == "post.sort_parcel"
    assert received["root_id"] == delivery.envelope.metadata.correlation_id
    assert SECRET not in json.dumps(events)


def test_events_of_a_moment_go_out_together(busy_desk: Desk) -> None:
    events: list[dict[str, Any]] = []
    bodies: list[Any] = []
    application = busy_desk.application
    deliveries = [busy_desk.delivery(do="note") for _ in range(100)]

    def done() -> bool:
        heard(listening, events, "", "")
        return sum(event["type"] == "task-succeeded" for event in events) >= len(deliveries)

    with application.connection_for_read() as connection:
        receiver: Any = application.events.Receiver(connection, handlers={"*": events.append})
        with receiver.consumer_context() as (listening, _, consumers):
            for consumer in consumers:
                consumer.register_callback(lambda body, _message: bodies.append(body))
            heard(listening, events, "", "")
            busy_desk.channel.publish(deliveries)
            wait_until(done, limit_s=60)

    together = [body for body in bodies if isinstance(body, list)]
    assert sum(map(len, together)) >= 3 * len(deliveries)
    assert len(together) < len(deliveries)


def heard(listening: Any, events: list[dict[str, Any]], kind: str, identifier: str) -> bool:
    with suppress(TimeoutError):
        listening.drain_events(timeout=0.2)
    return any(event["type"] == kind and event.get("uuid") == identifier for event in events)


def test_maintenance_runs_in_a_worker(busy_desk: Desk) -> None:
    before = len(busy_desk.events("maintained"))

    beat = create_celery(busy_desk.broker, maintenance_every=timedelta(minutes=1))
    beat.send_task(MAINTENANCE, queue=MAINTENANCE, expires=60)

    busy_desk.wait_for("maintained", count=before + 1)


def test_maintenance_that_came_too_late_is_dropped(busy_desk: Desk) -> None:
    before = len(busy_desk.events("maintained"))
    headers = {"task": MAINTENANCE, "id": "late", "expires": "2001-01-01T00:00:00+00:00"}

    busy_desk.send_raw(b"[[], {}, {}]", headers=headers, queue=MAINTENANCE)

    busy_desk.wait_for("done", busy_desk.send(do="note"))
    assert len(busy_desk.events("maintained")) == before


@pytest.mark.parametrize(
    "headers",
    [{"task": MAINTENANCE}, {"task": MAINTENANCE, "id": 7, "expires": "soon", "eta": "later"}],
    ids=["bare", "strange"],
)
def test_a_broken_call_for_maintenance_is_only_a_call(
    busy_desk: Desk, headers: dict[str, object]
) -> None:
    before = len(busy_desk.events("maintained"))

    busy_desk.send_raw(b"{nonsense", headers=headers, queue=MAINTENANCE)

    busy_desk.wait_for("maintained", count=before + 1)
    busy_desk.wait_for("done", busy_desk.send(do="note"))


def test_what_strayed_into_the_queue_of_maintenance_is_kept(busy_desk: Desk) -> None:
    busy_desk.send_raw(b"astray", headers={"task": "os.system"}, queue=MAINTENANCE)

    wait_until(lambda: any(e["raw"] == "astray" for e in busy_desk.events("rejected")), limit_s=15)


def test_beat_sends_maintenance_that_expires_with_the_next(busy_desk: Desk) -> None:
    beat = create_celery(busy_desk.broker, maintenance_every=timedelta(minutes=1))

    assert beat.conf.beat_schedule == {
        "maintenance": {
            "task": "maintenance",
            "schedule": timedelta(minutes=1),
            "options": {"queue": "maintenance", "expires": 60.0},
        }
    }
