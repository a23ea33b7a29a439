"""Messages for tests, which say only what matters to them."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ports.messages import NO_HEADERS, Delivery, Envelope, HeaderValue, Metadata
from ports.outbound.event_store import NewEvent
from ports.outbound.failed_messages import FailedMessage, Failure

SENT_AT = datetime(2026, 1, 5, 9, 0, 0, 123456, tzinfo=UTC)
CHANNEL = "parcels"
ENDPOINT = "post.sort_parcel"

_numbers = itertools.count(1)


def a_message_id() -> str:
    """Unique in the test run, ascending."""
    return f"019b8d2a-0000-7000-8000-{next(_numbers):012x}"


def some_metadata(
    *,
    message_id: str | None = None,
    headers: Mapping[str, HeaderValue] = NO_HEADERS,
) -> Metadata:
    identifier = message_id or a_message_id()
    return Metadata(
        id=identifier,
        correlation_id=identifier,
        timestamp=SENT_AT,
        source="post",
        headers=headers,
    )


def full_metadata() -> Metadata:
    """Every field filled with something else than its default."""
    return Metadata(
        id=a_message_id(),
        correlation_id=a_message_id(),
        timestamp=SENT_AT,
        source="post",
        parent_id=a_message_id(),
        tenant="",
        trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        headers={"actor": "Żaneta", "weight": 3, "share": 0.25, "express": True},
    )


def an_envelope(
    *, message_id: str | None = None, payload: bytes = b'{"parcel_id":"p-1"}'
) -> Envelope:
    return Envelope(
        payload=payload,
        name="post.parcel_was_sent",
        metadata=some_metadata(message_id=message_id),
    )


def a_delivery(
    *,
    message_id: str | None = None,
    endpoint: str = ENDPOINT,
    channel: str = CHANNEL,
    attempt: int = 1,
    priority: int = 4,
    key: str = "",
    payload: bytes = b'{"parcel_id":"p-1"}',
    available_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Delivery:
    return Delivery(
        envelope=an_envelope(message_id=message_id, payload=payload),
        channel=channel,
        endpoint=endpoint,
        attempt=attempt,
        priority=priority,
        key=key,
        available_at=available_at,
        expires_at=expires_at,
    )


def a_full_delivery(*, expires_at: datetime | None = None) -> Delivery:
    """Every field but ``available_at`` filled with something else than its default."""
    return Delivery(
        envelope=Envelope(
            payload=b"\x00\xff not text",
            name="post.parcel_was_sent",
            metadata=full_metadata(),
            revision=3,
            content_type="application/octet-stream",
        ),
        channel=CHANNEL,
        endpoint=ENDPOINT,
        attempt=2,
        first_attempt=2,
        replayed=True,
        replay_trace="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        priority=7,
        key="p-1",
        expires_at=expires_at,
    )


def next_attempt(delivery: Delivery) -> Delivery:
    return replace(delivery, attempt=delivery.attempt + 1)


def an_event(
    aggregate_id: str = "p-1",
    version: int = 1,
    *,
    stream: str = "parcel",
    aggregate: str = "parcel",
    envelope: Envelope | None = None,
) -> NewEvent:
    return NewEvent(
        stream=stream,
        aggregate=aggregate,
        aggregate_id=aggregate_id,
        version=version,
        envelope=envelope or an_envelope(),
    )


def some_events(aggregate_id: str, count: int, *, first_version: int = 1) -> list[NewEvent]:
    versions = range(first_version, first_version + count)
    return [an_event(aggregate_id, version) for version in versions]


def a_failure(*, reason: str = "the address is unreadable") -> Failure:
    return Failure(
        exception="post.errors.UnreadableAddress",
        reason=reason,
        stack_trace='Traceback (most recent call last):\n  File "sorting.py", line 7\n',
        failed_at=SENT_AT + timedelta(seconds=5),
        trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


def a_failed_message(
    failed_message_id: str = "f-1", *, reason: str = "the address is unreadable"
) -> FailedMessage:
    delivery = a_full_delivery()
    return FailedMessage(
        id=failed_message_id,
        channel=delivery.channel,
        endpoint=delivery.endpoint,
        message_id=delivery.envelope.metadata.id,
        failure=a_failure(reason=reason),
        delivery=delivery,
    )
