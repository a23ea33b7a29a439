"""Whatever comes out of a queue ends as handled or as kept with a reason; the worker goes on."""

import base64
import json
from pathlib import Path

import pytest
import redis

from adapters.celery_channels.wire import task_message
from adapters.serialization.envelopes import encode_delivery
from tests.adapters.celery_channels.conftest import REDIS, Desks
from tests.adapters.celery_channels.desk import Desk
from tests.support.waiting import wait_until


def headers_of(desk: Desk, **changes: object) -> dict[str, object]:
    return {"task": desk.channel.name, "id": "some-id", **changes}


def body_of(*arguments: object) -> bytes:
    return json.dumps([arguments, {}, {}]).encode()


def kept(desk: Desk, marker: str) -> dict[str, str]:
    """The entry of what was rejected with that in its raw bytes."""

    def found() -> list[dict[str, str]]:
        return [entry for entry in desk.events("rejected") if marker in entry["raw"]]

    wait_until(found, limit_s=15, what=f"a rejected message with {marker}")
    return found()[0]


def assert_worker_goes_on(desk: Desk) -> None:
    message = desk.send(do="note")
    desk.wait_for("done", message)


def test_a_delivery_is_handled_once(busy_desk: Desk) -> None:
    message = busy_desk.send(do="note")

    done = busy_desk.wait_for("done", message)
    started = busy_desk.events("started", message)
    assert len(done) == 1
    assert [entry["hand_overs"] for entry in started] == [0]


def test_a_body_that_is_not_json_is_kept(busy_desk: Desk) -> None:
    busy_desk.send_raw(b"{nonsense", headers=headers_of(busy_desk))

    entry = kept(busy_desk, "{nonsense")
    assert entry["channel"] == busy_desk.channel.name
    assert entry["error"].startswith("UnreadableMessage: DecodeError")
    assert_worker_goes_on(busy_desk)


def test_a_body_in_a_wrong_encoding_is_kept(busy_desk: Desk) -> None:
    busy_desk.send_raw(b'["latin \xe4"]', headers=headers_of(busy_desk))

    assert "UnreadableMessage" in kept(busy_desk, "latin ")["error"]
    assert_worker_goes_on(busy_desk)


def test_a_content_type_that_is_not_accepted_is_kept_unopened(busy_desk: Desk) -> None:
    busy_desk.send_raw(
        b"cos\nsystem\n(S'false'\ntR.",
        headers=headers_of(busy_desk),
        content_type="application/x-python-serialize",
        content_encoding="binary",
    )

    assert "ContentDisallowed" in kept(busy_desk, "cos\nsystem")["error"]
    assert_worker_goes_on(busy_desk)


def test_a_message_that_celery_never_made_is_kept(busy_desk: Desk) -> None:
    busy_desk.send_raw(b"good day", content_type="text/plain")

    assert "its headers name no task" in kept(busy_desk, "good day")["error"]
    assert_worker_goes_on(busy_desk)


def test_a_message_of_the_old_protocol_is_kept(busy_desk: Desk) -> None:
    body = {"task": busy_desk.channel.name, "id": "old-protocol", "args": [], "kwargs": {}}
    busy_desk.send_raw(json.dumps(body).encode())

    assert "its headers name no task" in kept(busy_desk, "old-protocol")["error"]
    assert_worker_goes_on(busy_desk)


def test_a_task_that_nobody_knows_is_kept(busy_desk: Desk) -> None:
    headers = headers_of(busy_desk, task="os.system")
    busy_desk.send_raw(body_of("unknown task"), headers=headers)

    assert "'os.system', which is unknown" in kept(busy_desk, "unknown task")["error"]
    assert_worker_goes_on(busy_desk)


def test_celerys_own_tasks_cannot_be_called_through_a_channel(busy_desk: Desk) -> None:
    headers = headers_of(busy_desk, task="celery.backend_cleanup")
    busy_desk.send_raw(body_of("built in"), headers=headers)

    assert "which is unknown" in kept(busy_desk, "built in")["error"]
    assert_worker_goes_on(busy_desk)


def test_arguments_of_another_shape_are_kept(busy_desk: Desk) -> None:
    busy_desk.send_raw(body_of("one", "too many"), headers=headers_of(busy_desk))

    assert "not that of a delivery" in kept(busy_desk, "too many")["error"]
    assert_worker_goes_on(busy_desk)


def test_a_message_without_an_id_is_kept(busy_desk: Desk) -> None:
    headers = {"task": busy_desk.channel.name}
    busy_desk.send_raw(body_of("nameless"), headers=headers)

    assert "no usable id" in kept(busy_desk, "nameless")["error"]
    assert_worker_goes_on(busy_desk)


def test_an_argument_that_is_not_base64_is_kept(busy_desk: Desk) -> None:
    busy_desk.send_raw(body_of("!not base64!"), headers=headers_of(busy_desk))

    assert "not base64" in kept(busy_desk, "!not base64!")["error"]
    assert_worker_goes_on(busy_desk)


def test_an_envelope_that_cannot_be_decoded_is_kept_as_its_bytes(busy_desk: Desk) -> None:
    text = base64.b64encode(b"an envelope from another planet").decode()
    busy_desk.send_raw(body_of(text), headers=headers_of(busy_desk))

    entry = kept(busy_desk, "another planet")
    assert entry["raw"] == "an envelope from another planet"
    assert entry["error"].startswith("UnreadableMessage")
    assert_worker_goes_on(busy_desk)


def test_a_body_that_cannot_be_decompressed_is_kept(busy_desk: Desk) -> None:
    headers = headers_of(busy_desk, compression="application/x-gzip")
    busy_desk.send_raw(b"never zipped", headers=headers)

    assert kept(busy_desk, "never zipped")["error"].startswith("UnreadableMessage")
    assert_worker_goes_on(busy_desk)


@pytest.mark.parametrize(
    "stranger",
    [
        {"expires": "2001-01-01T00:00:00+00:00"},
        {"expires": "one day"},
        {"eta": "2101-01-01T00:00:00+00:00"},
        {"eta": "one day"},
        {"timelimit": [0.001, 0.001]},
        {"group": 1, "retries": "many", "stamped_headers": 7},
    ],
    ids=lambda stranger: "-".join(map(str, stranger.values()))[:30],
)
def test_what_celery_headers_ask_for_is_ignored(
    busy_desk: Desk, stranger: dict[str, object]
) -> None:
    delivery = busy_desk.delivery(do="note")
    message = task_message(
        delivery, encode_delivery(delivery), queue=busy_desk.channel.name, priority=0
    )
    busy_desk.send_raw(message.body, headers={**message.headers, **stranger})

    busy_desk.wait_for("done", delivery.envelope.metadata.id)


def test_an_engine_that_fails_without_outcome_gets_the_message_twice_and_then_it_is_kept(
    busy_desk: Desk,
) -> None:
    message = busy_desk.send(do="raise")

    started = busy_desk.wait_for("started", message, count=2)
    entry = kept(busy_desk, message)
    assert started[0]["hand_overs"] == 0
    assert started[1]["hand_overs"] >= 1
    assert len(busy_desk.events("started", message)) == 2
    assert entry["error"] == "LookupError: the engine has a mistake"
    assert_worker_goes_on(busy_desk)


def test_entries_of_a_redis_list_that_are_no_messages_are_kept(
    desks: Desks, tmp_path: Path
) -> None:
    with desks.on(REDIS, tmp_path) as desk, desk.worker():
        with redis.Redis.from_url(desk.settings.url) as client:
            client.lpush(desk.channel.name, b"garbage \xff", b'{"body": "no properties"}', b"[]")

        assert kept(desk, "garbage \\xff")["channel"] == desk.channel.name
        kept(desk, "no properties")
        kept(desk, "[]")
        assert_worker_goes_on(desk)
        assert client.hlen("unacked") == 0
