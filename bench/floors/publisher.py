"""A bare publisher of Celery messages, with pipelined confirms: a hundred are on their way before
the answers are awaited."""

import json
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import amqp

_IN_FLIGHT = 100


class Floor:
    def __init__(self, url: str, queue: str) -> None:
        self._connection = _connected(url)
        self._channel = self._connection.channel()
        self._channel.queue_declare(
            queue, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"}
        )
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._confirmed)
        self._queue = queue
        self._sent = 0
        self._open: set[int] = set()

    def publish(self, identifiers: list[str], text: str) -> None:
        for identifier in identifiers:
            arguments = [identifier, f"parcel-{identifier}", text, time.time()]
            message = amqp.Message(
                json.dumps([arguments, {}, {}]),
                application_headers={
                    "lang": "py",
                    "task": self._queue,
                    "id": identifier,
                    "root_id": identifier,
                    "parent_id": identifier,
                    "shadow": self._queue,
                    "argsrepr": "bench.note",
                    "kwargsrepr": "",
                },
                content_type="application/json",
                content_encoding="utf-8",
                correlation_id=identifier,
                delivery_mode=2,
                priority=4,
            )
            self._sent += 1
            self._open.add(self._sent)
            self._channel.basic_publish(message, routing_key=self._queue, mandatory=True)
            if len(self._open) >= _IN_FLIGHT:
                self._wait(at_most=_IN_FLIGHT // 2)
        self._wait(at_most=0)

    def purge(self) -> None:
        self._channel.queue_purge(self._queue)

    def close(self) -> None:
        self._connection.close()

    def _wait(self, *, at_most: int) -> None:
        while len(self._open) > at_most:
            self._connection.drain_events(timeout=10)

    def _confirmed(self, delivery_tag: int, multiple: bool) -> None:
        if multiple:
            self._open -= {tag for tag in self._open if tag <= delivery_tag}
        else:
            self._open.discard(delivery_tag)


def _connected(url: str) -> Any:  # the published types know less than half of it
    parts = urlsplit(url)
    connection = amqp.Connection(
        host=f"{parts.hostname}:{parts.port or 5672}",
        userid=parts.username or "guest",
        password=parts.password or "guest",
        virtual_host=unquote(parts.path[1:]),
    )
    connection.connect()
    return connection
