"""A task message as frames of AMQP 0-9-1, put together at once.

py-amqp takes messages of any kind and writes item by item, at ten times the cost. Ours all have the
same properties, and most of their headers are the same for every message of an endpoint. The bytes
are those that py-amqp would write; a test compares the two.
"""

from functools import lru_cache
from struct import Struct

from adapters.celery_channels.wire import CONTENT_ENCODING, CONTENT_TYPE, TaskMessage

_METHOD, _HEADER, _BODY = 1, 2, 3
_BASIC, _PUBLISH = 60, 40
_MANDATORY = 1
_PERSISTENT = 2
# content_type, content_encoding, headers, delivery_mode, priority, correlation_id
_FLAGS = 0b1111_1100_0000_0000
# All but these are the same for many messages.
_OF_ONE_MESSAGE = frozenset(("id", "root_id", "parent_id"))

_frame = Struct(">BHI").pack
_length = Struct(">I").pack
_content = Struct(">HHQ").pack
_END = b"\xce"
# Around the payload of each frame.
_OVERHEAD = 8


def publish_frames(message: TaskMessage, *, channel: int, largest: int) -> bytes:
    """To the queue by way of the default exchange, persistent and mandatory. ``largest``: bytes of
    a frame, as the connection agreed on it."""
    items = b"".join(
        [
            _item(name, value) if name in _OF_ONE_MESSAGE else _steady_item(name, value)
            for name, value in message.headers.items()
        ]
    )
    body = message.body
    properties = b"".join(
        (
            _content(_BASIC, 0, len(body)),
            _KINDS,
            _length(len(items)),
            items,
            bytes((_PERSISTENT, message.priority)),
            _short(message.task_id),
        )
    )
    frames = [
        _method_frame(message.queue, channel),
        _frame(_HEADER, channel, len(properties)),
        properties,
        _END,
    ]
    piece = largest - _OVERHEAD
    for start in range(0, len(body), piece):
        part = body[start : start + piece]
        frames += (_frame(_BODY, channel, len(part)), part, _END)
    return b"".join(frames)


def _text(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _short(value: str) -> bytes:
    data = _text(value)
    return bytes((len(data),)) + data


def _item(name: str, value: str) -> bytes:
    data = _text(value)
    return b"".join((_short(name), b"S", _length(len(data)), data))


_steady_item = lru_cache(maxsize=4096)(_item)


@lru_cache(maxsize=1024)
def _method_frame(queue: str, channel: int) -> bytes:
    method = b"".join(
        (Struct(">HHHB").pack(_BASIC, _PUBLISH, 0, 0), _short(queue), bytes((_MANDATORY,)))
    )
    return _frame(_METHOD, channel, len(method)) + method + _END


_KINDS = Struct(">H").pack(_FLAGS) + _short(CONTENT_TYPE) + _short(CONTENT_ENCODING)
