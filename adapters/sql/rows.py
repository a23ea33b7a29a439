"""Envelopes and deliveries as columns, in one order for every statement."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.sql.executor import Row
from adapters.sql.statements import Kind
from ports.headers import UNREADABLE
from ports.messages import NO_HEADERS, Delivery, Envelope, HeaderValue, Metadata
from ports.outbound.event_store import NewEvent, StoredEvent

ENVELOPE_COLUMNS: dict[str, Kind] = {
    "name": Kind.TEXT,
    "revision": Kind.INT,
    "content_type": Kind.TEXT,
    "payload": Kind.BYTES,
    "headers": Kind.TEXT,
    "correlation_id": Kind.TEXT,
    "parent_id": Kind.TEXT,
    "source": Kind.TEXT,
    "trace": Kind.TEXT,
    "sent_at": Kind.TIME,
}
_ENVELOPE_WIDTH = len(ENVELOPE_COLUMNS)

EVENT_COLUMNS: dict[str, Kind] = {
    "stream": Kind.TEXT,
    "aggregate": Kind.TEXT,
    "aggregate_id": Kind.TEXT,
    "version": Kind.INT,
    "event_id": Kind.TEXT,
    **ENVELOPE_COLUMNS,
}
# Of one instance: what says which is known already.
INSTANCE_EVENT_COLUMNS: dict[str, Kind] = {
    "position": Kind.INT,
    "version": Kind.INT,
    "event_id": Kind.TEXT,
    **ENVELOPE_COLUMNS,
}
STORED_EVENT_COLUMNS: dict[str, Kind] = {"position": Kind.INT, **EVENT_COLUMNS}

MESSAGE_COLUMNS: dict[str, Kind] = {
    "tenant": Kind.TEXT,
    "message_id": Kind.TEXT,
    **ENVELOPE_COLUMNS,
    "channel": Kind.TEXT,
    "endpoint": Kind.TEXT,
    "attempt": Kind.INT,
    "first_attempt": Kind.INT,
    "replayed": Kind.BOOL,
    "replay_trace": Kind.TEXT,
    "priority": Kind.INT,
    "partition_key": Kind.TEXT,
    "available_at": Kind.TIME,
    "expires_at": Kind.TIME,
}
MESSAGE_WIDTH = len(MESSAGE_COLUMNS)


def event_values(event: NewEvent) -> Row:
    envelope = event.envelope
    return (
        event.stream,
        event.aggregate,
        event.aggregate_id,
        event.version,
        envelope.metadata.id,
        *_envelope_values(envelope, envelope.metadata),
    )


def event_from(row: Row, tenant: str) -> StoredEvent:
    """A row of STORED_EVENT_COLUMNS."""
    return event_of(row[1], row[2], row[3], (row[0], *row[4:]), tenant)


def event_of(stream: str, aggregate: str, aggregate_id: str, row: Row, tenant: str) -> StoredEvent:
    """A row of INSTANCE_EVENT_COLUMNS."""
    return StoredEvent(
        position=row[0],
        stream=stream,
        aggregate=aggregate,
        aggregate_id=aggregate_id,
        version=row[1],
        envelope=_envelope_from(row[3:], message_id=row[2], tenant=tenant),
    )


def message_values(delivery: Delivery) -> Row:
    envelope = delivery.envelope
    metadata = envelope.metadata
    return (
        metadata.tenant,
        metadata.id,
        *_envelope_values(envelope, metadata),
        delivery.channel,
        delivery.endpoint,
        delivery.attempt,
        delivery.first_attempt,
        delivery.replayed,
        delivery.replay_trace,
        delivery.priority,
        delivery.key,
        delivery.available_at,
        delivery.expires_at,
    )


def delivery_from(row: Row) -> Delivery:
    """A row of MESSAGE_COLUMNS; more columns may follow."""
    rest = row[2 + _ENVELOPE_WIDTH :]
    return Delivery(
        envelope=_envelope_from(row[2:], message_id=row[1], tenant=row[0]),
        channel=rest[0],
        endpoint=rest[1],
        attempt=rest[2],
        first_attempt=rest[3],
        replayed=bool(rest[4]),
        replay_trace=rest[5],
        priority=rest[6],
        key=rest[7],
        available_at=rest[8],
        expires_at=rest[9],
    )


def delivery_to_json(delivery: Delivery) -> str:
    """Everything but the payload, which is stored beside it."""
    values = dict(zip(MESSAGE_COLUMNS, message_values(delivery), strict=True))
    del values["payload"]
    return json.dumps(values, default=datetime.isoformat)


# What a release before this one did not write.
_ADDED_LATER: dict[str, Any] = {"first_attempt": 1}


def delivery_from_json(text: str, payload: bytes) -> Delivery:
    values: dict[str, Any] = {**_ADDED_LATER, **json.loads(text), "payload": payload}
    for name, kind in MESSAGE_COLUMNS.items():
        if kind is Kind.TIME and values[name] is not None:
            values[name] = datetime.fromisoformat(values[name])
    return delivery_from(tuple(values[name] for name in MESSAGE_COLUMNS))


def _envelope_values(envelope: Envelope, metadata: Metadata) -> Row:
    return (
        envelope.name,
        envelope.revision,
        envelope.content_type,
        envelope.payload,
        _headers_to_text(metadata.headers),
        metadata.correlation_id,
        metadata.parent_id,
        metadata.source,
        metadata.trace,
        metadata.timestamp,
    )


def _envelope_from(row: Row, *, message_id: str, tenant: str) -> Envelope:
    return Envelope(
        name=row[0],
        revision=row[1],
        content_type=row[2],
        payload=row[3],
        metadata=Metadata(
            id=message_id,
            headers=_headers_from(row[4]),
            correlation_id=row[5],
            parent_id=row[6],
            source=row[7],
            trace=row[8],
            timestamp=row[9],
            tenant=tenant,
        ),
    )


def _headers_to_text(headers: Mapping[str, HeaderValue]) -> str:
    # Escaped to ASCII: what no database takes as text (a null character) survives as an escape.
    return json.dumps(dict(headers), separators=(",", ":")) if headers else "{}"


def _headers_from(text: str) -> Mapping[str, HeaderValue]:
    if text == "{}":
        return NO_HEADERS
    try:
        headers: object = json.loads(text)
    except ValueError:
        headers = None
    # One damaged row must not stand in the way of those beside it.
    return headers if isinstance(headers, dict) else {UNREADABLE: text}
