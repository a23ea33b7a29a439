"""Messages that no handler can take, put on the broker as a broken or foreign sender would.

Each leads to one failed message with its own reason, and to nothing else.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from kombu import Connection

from adapters.sql_broker.registration import register

CHANNEL = "customer_service.notifications"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """``exception``: what the failed message tells, without the module."""

    kind: str
    exception: str
    body: bytes


def unreadable(mark: str) -> Poison:
    return Poison(
        kind="unreadable bytes",
        exception="UnreadableMessage",
        body=b"\xff\xfe\x00 no task message " + mark.encode(),
    )


def unknown_endpoint(mark: str) -> Poison:
    return Poison(
        kind="an unknown endpoint",
        exception="UnknownEndpoint",
        body=_body(_delivery(mark, endpoint="issue.nobody_is_here", name="issue.was_reported")),
    )


def removed_class(mark: str) -> Poison:
    return Poison(
        kind="the payload of a removed class",
        exception="UnreadableMessage",
        body=_body(_delivery(mark, endpoint="issue.confirm_report", name="issue.was_renamed")),
    )


ALL = (unreadable, unknown_endpoint, removed_class)


def put_on_broker(broker_url: str, poison: Poison) -> None:
    register()
    with Connection(broker_url, connect_timeout=5) as connection:
        producer = connection.Producer()
        producer.publish(
            poison.body,
            exchange="",
            routing_key=CHANNEL,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
            headers={"lang": "py", "task": CHANNEL, "id": str(uuid4())},
        )
        producer.release()


def _delivery(mark: str, *, endpoint: str, name: str) -> Mapping[str, object]:
    return {
        "format": 1,
        "id": str(uuid4()),
        "correlation_id": str(uuid4()),
        "timestamp": datetime.now(UTC).isoformat(),
        "source": "soak",
        "channel": CHANNEL,
        "endpoint": endpoint,
        "name": name,
        "text": json.dumps({"mark": mark}),
    }


def _body(delivery: Mapping[str, object]) -> bytes:
    text = b64encode(json.dumps(delivery).encode()).decode()
    return json.dumps([[text], {}, {}]).encode()
