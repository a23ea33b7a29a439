"""Our frames beside those of py-amqp, which knows the protocol."""

from types import SimpleNamespace

import amqp
import pytest
from amqp.method_framing import frame_writer
from amqp.serialization import dumps
from hypothesis import given
from hypothesis import strategies as st

from adapters.celery_channels.frames import publish_frames
from adapters.celery_channels.wire import CONTENT_ENCODING, CONTENT_TYPE, TaskMessage

LARGEST = 4096
CHANNEL = 7


def frames_of_the_library(message: TaskMessage) -> bytes:
    written = bytearray()
    transport = SimpleNamespace(write=written.extend)
    write = frame_writer(SimpleNamespace(frame_max=LARGEST, bytes_sent=0), transport)
    content = amqp.Message(
        message.body,
        application_headers=message.headers,
        content_type=CONTENT_TYPE,
        content_encoding=CONTENT_ENCODING,
        correlation_id=message.task_id,
        delivery_mode=2,
        priority=message.priority,
    )
    arguments = dumps("Bssbb", (0, "", message.queue, True, False))
    write(1, CHANNEL, amqp.spec.Basic.Publish, arguments, content)
    return bytes(written)


def a_message(body: bytes) -> TaskMessage:
    return TaskMessage(
        queue="backoffice.tickets",
        task_id="0cc175b9-c0f1-b6a8-31c3-99e269772661",
        headers={"lang": "py", "id": "1", "shadow": "backoffice.tickets · prepare", "root_id": ""},
        body=body,
        priority=4,
    )


names = st.text(st.characters(codec="utf-8"), max_size=60)
messages = st.builds(
    TaskMessage,
    queue=names,
    task_id=names,
    headers=st.dictionaries(
        st.sampled_from(("lang", "task", "id", "root_id", "parent_id", "argsrepr")), names
    ),
    body=st.binary(max_size=300),
    priority=st.integers(0, 9),
)


@given(messages)
def test_any_message_has_the_bytes_of_the_library(message: TaskMessage) -> None:
    ours = publish_frames(message, channel=CHANNEL, largest=LARGEST)

    assert ours == frames_of_the_library(message)


@pytest.mark.parametrize("size", [0, 1, LARGEST - 400, LARGEST - 8, LARGEST - 7, 3 * LARGEST])
def test_a_body_is_cut_where_the_library_cuts_it(size: int) -> None:
    message = a_message(bytes(size))

    ours = publish_frames(message, channel=CHANNEL, largest=LARGEST)

    assert ours == frames_of_the_library(message)
