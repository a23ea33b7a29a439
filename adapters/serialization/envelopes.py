"""A delivery as bytes, for channels that lead out of the process.

What arrives may come from anyone who reaches the broker: everything is bounded and checked before
it becomes a delivery. Releases may add fields, so unknown ones are ignored; a change that an older
release must not overlook raises ``FORMAT``.
"""

import math
from datetime import datetime
from typing import Annotated, NoReturn

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from ports.errors import ConversionFailed, UnreadableMessage
from ports.messages import JSON, NO_HEADERS, Delivery, Envelope, HeaderValue, Metadata

FORMAT = 1

LIMIT_BYTES = 8 * 1024 * 1024
LIMIT_HEADERS = 100
LIMIT_NAME = 250  # ids, names, channels, endpoints, keys, names of headers
LIMIT_TRACE = 64
LIMIT_HEADER_VALUE = 8 * 1024
_LARGEST_INT = 2**63 - 1

_Name = Annotated[str, Meta(max_length=LIMIT_NAME)]
_Required = Annotated[str, Meta(min_length=1, max_length=LIMIT_NAME)]
_Trace = Annotated[str, Meta(max_length=LIMIT_TRACE)]
_Instant = Annotated[datetime, Meta(tz=True)]
_Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
_HeaderText = Annotated[str, Meta(max_length=LIMIT_HEADER_VALUE)]
_HeaderInt = Annotated[int, Meta(ge=-_LARGEST_INT - 1, le=_LARGEST_INT)]
_Headers = Annotated[
    dict[_Required, _HeaderText | _HeaderInt | float | bool], Meta(max_length=LIMIT_HEADERS)
]


class _Wire(Struct, kw_only=True, omit_defaults=True):
    format: int
    id: _Required
    correlation_id: _Required
    timestamp: _Instant
    source: _Required
    channel: _Required
    endpoint: _Required
    name: _Name
    revision: _Count = 1
    content_type: _Required = JSON
    text: str | UnsetType = UNSET  # the payload, where it is JSON in UTF-8
    data: bytes | UnsetType = UNSET  # any other payload, in base64
    parent_id: _Required | None = None
    tenant: _Name = ""
    trace: _Trace = ""
    headers: _Headers = {}
    attempt: _Count = 1
    first_attempt: _Count = 1
    replayed: bool = False
    replay_trace: _Trace = ""
    hand_over_trace: _Trace = ""
    priority: Annotated[int, Meta(ge=0, le=9)] = 4
    key: _Name = ""
    available_at: _Instant | None = None
    expires_at: _Instant | None = None


class _AnyFormat(Struct):
    format: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Wire)
_format_decoder = msgspec.json.Decoder(_AnyFormat)


def encode_delivery(delivery: Delivery) -> bytes:
    """Raises:
    ConversionFailed: something in it would be refused by :func:`decode_delivery`.
    """
    envelope = delivery.envelope
    metadata = envelope.metadata
    text, data = _as_text_or_data(envelope)
    wire = _Wire(
        format=FORMAT,
        id=metadata.id,
        correlation_id=metadata.correlation_id,
        timestamp=metadata.timestamp,
        source=metadata.source,
        channel=delivery.channel,
        endpoint=delivery.endpoint,
        name=envelope.name,
        revision=envelope.revision,
        content_type=envelope.content_type,
        text=text,
        data=data,
        parent_id=metadata.parent_id,
        tenant=metadata.tenant,
        trace=metadata.trace,
        headers=dict(metadata.headers) if metadata.headers else {},
        attempt=delivery.attempt,
        first_attempt=delivery.first_attempt,
        replayed=delivery.replayed,
        replay_trace=delivery.replay_trace,
        hand_over_trace=delivery.hand_over_trace,
        priority=delivery.priority,
        key=delivery.key,
        available_at=delivery.available_at,
        expires_at=delivery.expires_at,
    )
    try:
        _check(wire)
        raw = _encoder.encode(wire)
        # A delivery that no receiver can read must not leave.
        _check_size(raw)
        _decoder.decode(raw)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ConversionFailed("a delivery", str(error)) from error
    return raw


def decode_delivery(raw: bytes) -> Delivery:
    """Raises:
    UnreadableMessage: it is no delivery, or one of another format; says why, without its content.
    """
    try:
        _check_size(raw)
        wire = _decoder.decode(raw)
        if wire.format != FORMAT:
            raise UnreadableMessage(f"it has format {wire.format}; this release knows {FORMAT}")
        _check(wire)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        _refuse(raw, error)
    return Delivery(
        envelope=Envelope(
            payload=_payload(wire),
            name=wire.name,
            revision=wire.revision,
            content_type=wire.content_type,
            metadata=Metadata(
                id=wire.id,
                correlation_id=wire.correlation_id,
                timestamp=wire.timestamp,
                source=wire.source,
                parent_id=wire.parent_id,
                tenant=wire.tenant,
                trace=wire.trace,
                headers=wire.headers or NO_HEADERS,
            ),
        ),
        channel=wire.channel,
        endpoint=wire.endpoint,
        attempt=wire.attempt,
        first_attempt=wire.first_attempt,
        replayed=wire.replayed,
        replay_trace=wire.replay_trace,
        hand_over_trace=wire.hand_over_trace,
        priority=wire.priority,
        key=wire.key,
        available_at=wire.available_at,
        expires_at=wire.expires_at,
    )


def _as_text_or_data(envelope: Envelope) -> tuple[str | UnsetType, bytes | UnsetType]:
    if envelope.content_type == JSON:
        try:
            return envelope.payload.decode(), UNSET
        except UnicodeDecodeError:
            pass
    return UNSET, envelope.payload


def _payload(wire: _Wire) -> bytes:
    if isinstance(wire.text, str):
        return wire.text.encode()
    if isinstance(wire.data, bytes):
        return wire.data
    raise UnreadableMessage("it has no payload")


def _check_size(raw: bytes) -> None:
    if len(raw) > LIMIT_BYTES:
        raise ValueError(f"{len(raw)} bytes are more than a delivery may have")


def _check(wire: _Wire) -> None:
    """Raises:
    ValueError: something that no type forbids and no database takes.
    """
    for text in (
        wire.id,
        wire.correlation_id,
        wire.source,
        wire.channel,
        wire.endpoint,
        wire.name,
        wire.content_type,
        wire.parent_id or "",
        wire.tenant,
        wire.trace,
        wire.replay_trace,
        wire.hand_over_trace,
        wire.key,
    ):
        if not text.isprintable():
            raise ValueError("a name in it holds characters that cannot be printed")
    for name, value in wire.headers.items():
        _check_header(name, value)


def _check_header(name: str, value: HeaderValue) -> None:
    if not isinstance(value, (str, int, float)):
        raise ValueError(f"the header {name} holds neither a text nor a number nor a boolean")
    if not name.isprintable():
        raise ValueError("the name of a header holds characters that cannot be printed")
    if isinstance(value, str) and "\0" in value:
        raise ValueError(f"the header {name} holds a null character")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"the header {name} is not a finite number")


def _refuse(raw: bytes, error: Exception) -> NoReturn:
    try:
        _check_size(raw)
        found = _format_decoder.decode(raw).format
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise UnreadableMessage(f"it is no delivery: {error}") from error
    if found != FORMAT:
        raise UnreadableMessage(f"it has format {found}; this release knows {FORMAT}") from error
    raise UnreadableMessage(f"it is no delivery: {error}") from error
