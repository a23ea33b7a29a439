import base64
import json
from dataclasses import replace

import pytest
from celery import Celery
from celery.worker.request import Request
from kombu.message import Message

from adapters.celery_channels.wire import envelope_bytes, envelope_text, task_id, task_message
from ports.errors import UnreadableMessage
from ports.messages import Delivery
from tests.suites.builders import a_delivery, next_attempt

QUEUE = "post.parcels"


def a_parcel() -> Delivery:
    return a_delivery(channel=QUEUE, payload=b'{"to":"ada@example.org"}')


def test_the_task_id_is_the_same_for_every_publication_of_an_attempt() -> None:
    delivery = a_parcel()

    assert task_id(delivery) == task_id(replace(delivery, priority=9))


def test_another_attempt_endpoint_or_message_has_another_task_id() -> None:
    delivery = a_parcel()
    others = [next_attempt(delivery), replace(delivery, endpoint="post.weigh"), a_parcel()]

    assert len({task_id(found) for found in [delivery, *others]}) == 4


def test_the_body_gives_the_envelope_back() -> None:
    message = task_message(a_parcel(), b"\x00 any bytes \xff", queue=QUEUE, priority=0)

    assert envelope_bytes(envelope_text(json.loads(message.body))) == b"\x00 any bytes \xff"


def test_headers_tell_the_conversation_and_the_endpoint_but_nothing_of_the_payload() -> None:
    delivery = a_parcel()
    message = task_message(delivery, b"ada@example.org", queue=QUEUE, priority=0)

    assert message.headers == {
        "lang": "py",
        "task": QUEUE,
        "id": task_id(delivery),
        "root_id": delivery.envelope.metadata.correlation_id,
        "parent_id": delivery.envelope.metadata.id,
        "shadow": "post.parcels \N{MIDDLE DOT} post.sort_parcel",
        "argsrepr": "post.sort_parcel",
        "kwargsrepr": "",
    }
    assert b"ada@example.org" not in message.body


def test_an_ordinary_celery_worker_would_understand_the_message() -> None:
    text = base64.b64encode(b"envelope").decode()
    message = task_message(a_parcel(), b"envelope", queue=QUEUE, priority=0)
    application = Celery(set_as_current=False)

    @application.task(name=QUEUE)
    def sort_parcel(text: str) -> str:
        return text

    request = Request(
        Message(
            body=message.body,  # type: ignore[arg-type]
            headers=dict(message.headers),
            content_type="application/json",
            content_encoding="utf-8",
        ),
        app=application,
    )

    assert request.args == [text]
    assert request.name.startswith(QUEUE)


@pytest.mark.parametrize("payload", [None, [], [[]], [["a", "b"], {}, {}], [[1], {}, {}], {"a": 1}])
def test_a_body_of_another_shape_is_unreadable(payload: object) -> None:
    with pytest.raises(UnreadableMessage):
        envelope_text(payload)


@pytest.mark.parametrize("text", ["!", "YQ", "ä"])
def test_an_argument_that_is_not_base64_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableMessage):
        envelope_bytes(text)
