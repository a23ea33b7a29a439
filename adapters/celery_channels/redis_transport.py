"""kombu's Redis transport, made to survive what is no message.

kombu takes an entry out of the list first and reads it afterwards: what it cannot read is gone, or
taken for a broken connection. Here such an entry becomes a message of unknown type that carries
the bytes as they were, and is acknowledged like any other.
"""

import logging
from base64 import b64encode
from collections.abc import Callable
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu.transport import redis
from kombu.utils.encoding import bytes_to_str, str_to_bytes
from kombu.utils.json import loads

logger = logging.getLogger(__name__)

UNREADABLE = "application/octet-stream"


class Channel(redis.Channel):
    # Set by kombu; its published types leave them out.
    connection_errors: tuple[type[Exception], ...]
    _queue_cycle: Any
    _flush_brpop_reauth: Callable[[], None]

    def _brpop_read(self, **options: Any) -> bool:
        try:
            try:
                popped = self.client.parse_response(self.client.connection, "BRPOP", **options)
            except self.connection_errors:
                # The next turn of the loop connects again.
                self.client.connection.disconnect()
                raise
            if not popped:
                raise Empty
            source, entry = popped
            queue = bytes_to_str(source).rsplit(self.sep, 1)[0]
            self._queue_cycle.rotate(queue)
            self.connection._deliver(self._readable(entry, queue), queue)
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()

    def _readable(self, entry: bytes, queue: str) -> dict[str, Any]:
        try:
            message = loads(bytes_to_str(entry))
            self.Message(message, channel=self)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it must not be lost
            logger.error(
                "entry of a queue is no message", extra={"queue": queue, "error": repr(error)}
            )
            return _as_message(str_to_bytes(entry), queue)
        return message  # type: ignore[no-any-return]


class Transport(redis.Transport):
    Channel = Channel


def _as_message(entry: bytes, queue: str) -> dict[str, Any]:
    return {
        "body": b64encode(entry).decode(),
        "content-type": UNREADABLE,
        "content-encoding": "binary",
        "headers": {},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
            "delivery_info": {"exchange": "", "routing_key": queue},
            "delivery_mode": 2,
            "priority": 0,
        },
    }
