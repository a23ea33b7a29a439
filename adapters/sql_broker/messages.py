"""Messages on their way in and out of the table."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kombu.message import Message as KombuMessage
from kombu.utils.json import dumps, loads

DELIVERY_COUNT = "x-delivery-count"
LOWEST_PRIORITY = 0
HIGHEST_PRIORITY = 9

_TRANSIENT = 1
_NO_META: Mapping[str, Any] = {
    "exchange": "",
    "routing_key": "",
    "content_type": None,
    "content_encoding": None,
    "headers": {},
    "properties": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One message to publish; ``exchange`` and ``routing_key`` as in AMQP.

    Of the ``properties`` the broker itself reads ``priority`` (0 to 9, 9 is delivered first),
    ``expiration`` (milliseconds, as a number or text) and ``delivery_mode`` (1: the message may be
    lost when the database's machine loses power; anything else: it may not).
    """

    routing_key: str
    body: bytes | str
    exchange: str = ""
    content_type: str | None = "application/json"
    content_encoding: str | None = "utf-8"
    headers: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def priority(self) -> int:
        wanted = int(self.properties.get("priority") or LOWEST_PRIORITY)
        return min(max(wanted, LOWEST_PRIORITY), HIGHEST_PRIORITY)

    @property
    def ttl_ms(self) -> int | None:
        expiration = self.properties.get("expiration")
        return None if expiration is None else max(0, int(expiration))

    @property
    def transient(self) -> bool:
        return self.properties.get("delivery_mode") == _TRANSIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One copy of a message for one queue, ready to be stored."""

    queue: str
    priority: int
    ttl_ms: int | None
    meta: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A message taken from the table; ``deliveries`` counts this one too."""

    id: int
    priority: int
    deliveries: int
    meta: str
    body: bytes


def rows_for(publication: Publication, queues: tuple[str, ...]) -> list[Row]:
    body = publication.body
    raw = body.encode() if isinstance(body, str) else bytes(body)
    meta = dumps(
        {
            "exchange": publication.exchange,
            "routing_key": publication.routing_key,
            "content_type": publication.content_type,
            "content_encoding": publication.content_encoding,
            "headers": dict(publication.headers),
            "properties": dict(publication.properties),
        }
    )
    priority, ttl_ms = publication.priority, publication.ttl_ms
    return [
        Row(queue=queue, priority=priority, ttl_ms=ttl_ms, meta=meta, body=raw) for queue in queues
    ]


class Message(KombuMessage):
    """A delivered message.

    ``headers["x-delivery-count"]`` is the number of earlier deliveries of this copy, and
    ``delivery_info["redelivered"]`` whether there was one.
    """

    # Wider than kombu's stubs, which know only text.
    body: bytes  # type: ignore[assignment]
    headers: dict[str, Any]
    properties: dict[str, Any]

    @classmethod
    def delivered(
        cls, claimed: Claimed, *, channel: object, consumer_tag: str | None, delivery_tag: str
    ) -> "Message":
        damage: list[object] = []
        try:
            meta: dict[str, Any] = {**_NO_META, **loads(claimed.meta)}
        except (ValueError, TypeError):
            # Let the consumer decide, as with a body that cannot be decoded, instead of failing
            # at the same row for ever.
            meta = dict(_NO_META)
            damage.append(sys.exc_info())
        earlier = claimed.deliveries - 1
        info: dict[str, Any] = {
            "exchange": meta["exchange"],
            "routing_key": meta["routing_key"],
            "priority": claimed.priority,
            "redelivered": earlier > 0,
            "delivery_tag": delivery_tag,
        }
        if consumer_tag is not None:
            info["consumer_tag"] = consumer_tag
        headers: dict[str, Any] = {**meta["headers"], DELIVERY_COUNT: earlier}
        message = cls(
            body=claimed.body,  # type: ignore[arg-type]  # kombu decodes bytes as well
            channel=channel,
            delivery_tag=delivery_tag,
            content_type=meta["content_type"],
            content_encoding=meta["content_encoding"],
            delivery_info=info,
            properties=meta["properties"],
            headers=headers,
        )
        if damage:
            message.errors = damage
        return message
