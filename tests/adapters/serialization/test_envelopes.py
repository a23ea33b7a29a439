import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.serialization.envelopes import LIMIT_BYTES, decode_delivery, encode_delivery
from ports.errors import ConversionFailed, UnreadableMessage
from ports.messages import JSON, Delivery, Envelope, HeaderValue, Metadata
from tests.suites.builders import a_delivery, a_full_delivery, some_metadata

_printable = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=40
)
_optional = st.just("") | _printable
_instants = st.datetimes(
    min_value=datetime(1000, 1, 3),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)
_header_values = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
)
_metadata = st.builds(
    Metadata,
    id=_printable,
    correlation_id=_printable,
    timestamp=_instants,
    source=_printable,
    parent_id=st.none() | _printable,
    tenant=_optional,
    trace=_optional,
    headers=st.dictionaries(_printable, _header_values, max_size=5),
)
_envelopes = st.builds(
    Envelope,
    payload=st.binary(max_size=200) | st.text(max_size=50).map(str.encode),
    name=_optional,
    metadata=_metadata,
    revision=st.integers(1, 1000),
    content_type=st.just(JSON) | _printable,
)
_deliveries = st.builds(
    Delivery,
    envelope=_envelopes,
    channel=_printable,
    endpoint=_printable,
    attempt=st.integers(1, 1000),
    first_attempt=st.integers(min_value=1, max_value=2**31 - 1),
    replayed=st.booleans(),
    replay_trace=_optional,
    priority=st.integers(0, 9),
    key=_optional,
    available_at=st.none() | _instants,
    expires_at=st.none() | _instants,
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(delivery=_deliveries)
def test_a_delivery_comes_back_as_it_went(delivery: Delivery) -> None:
    assert decode_delivery(encode_delivery(delivery)) == delivery


def test_types_of_header_values_survive() -> None:
    headers: dict[str, HeaderValue] = {
        "text": "1",
        "whole": 1,
        "number": 1.0,
        "yes": True,
        "no": False,
    }
    metadata = replace(some_metadata(), headers=headers)
    delivery = a_delivery()
    delivery = replace(delivery, envelope=replace(delivery.envelope, metadata=metadata))

    decoded = decode_delivery(encode_delivery(delivery)).envelope.metadata.headers

    assert {name: type(value) for name, value in decoded.items()} == {
        "text": str,
        "whole": int,
        "number": float,
        "yes": bool,
        "no": bool,
    }


def test_a_json_payload_can_be_read_in_the_broker() -> None:
    document = json.loads(encode_delivery(a_delivery(payload='{"a":"ü"}'.encode())))

    assert document["text"] == '{"a":"ü"}'
    assert "data" not in document


def test_any_other_payload_travels_in_base64() -> None:
    document = json.loads(encode_delivery(a_full_delivery()))

    assert base64.b64decode(document["data"]) == b"\x00\xff not text"
    assert "text" not in document


def test_the_format_is_stated() -> None:
    assert json.loads(encode_delivery(a_delivery()))["format"] == 1


def test_fields_of_later_releases_are_ignored() -> None:
    delivery = a_delivery()
    document = json.loads(encode_delivery(delivery))

    raw = json.dumps({**document, "colour": {"red": [1, 2]}}).encode()

    assert decode_delivery(raw) == delivery


def test_another_format_is_refused_by_its_number_even_when_its_fields_are_different() -> None:
    for document in ({"format": 2}, {**_document(), "format": 2}):
        with pytest.raises(UnreadableMessage, match="format 2"):
            decode_delivery(json.dumps(document).encode())


@pytest.mark.parametrize(
    "required", ["format", "id", "correlation_id", "timestamp", "source", "channel", "endpoint"]
)
def test_a_missing_field_is_named(required: str) -> None:
    document = _document()
    del document[required]

    with pytest.raises(UnreadableMessage, match=required):
        decode_delivery(json.dumps(document).encode())


def test_a_missing_payload_is_refused() -> None:
    document = _document()
    del document["text"]

    with pytest.raises(UnreadableMessage, match="payload"):
        decode_delivery(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", 7),
        ("id", ""),
        ("id", None),
        ("id", "x" * 251),
        ("id", "null\0character"),
        ("id", "two\nlines"),
        ("correlation_id", ["a"]),
        ("timestamp", "yesterday"),
        ("timestamp", "2026-01-05T09:00:00"),
        ("timestamp", 0),
        ("source", {}),
        ("channel", "x" * 251),
        ("endpoint", "post.sort\r\nX-Injected: 1"),
        ("name", None),
        ("name", "\x1b[2J"),
        ("revision", 0),
        ("revision", "1"),
        ("content_type", ""),
        ("text", 1),
        ("text", {"a": 1}),
        ("parent_id", 1),
        ("tenant", "\0"),
        ("trace", "x" * 65),
        ("headers", []),
        ("headers", {"a": None}),
        ("headers", {"a": [1]}),
        ("headers", {"a": {"b": 1}}),
        ("headers", {"": "nameless"}),
        ("headers", {"a\r\nb": "c"}),
        ("headers", {"a": "nul\0l"}),
        ("headers", {"a": 10**30}),
        ("headers", {"a": "x" * 9000}),
        ("headers", {str(number): 1 for number in range(101)}),
        ("attempt", 0),
        ("attempt", -1),
        ("attempt", 1.5),
        ("attempt", True),
        ("attempt", 10**20),
        ("replayed", "yes"),
        ("replayed", 1),
        ("replay_trace", None),
        ("priority", 10),
        ("priority", -1),
        ("key", "x" * 251),
        ("available_at", "soon"),
        ("expires_at", "2026-01-05T09:00:00"),
    ],
)
def test_a_field_out_of_bounds_is_refused(field: str, value: object) -> None:
    with pytest.raises(UnreadableMessage):
        decode_delivery(json.dumps({**_document(), field: value}).encode())


def test_a_broken_base64_payload_is_refused() -> None:
    document = _document()
    del document["text"]

    with pytest.raises(UnreadableMessage):
        decode_delivery(json.dumps({**document, "data": "%%%"}).encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"format":1',
        b'{"format":' + b"9" * 5000 + b"}",
        b'{"headers":' + b'{"a":' * 200_000,
        b'{"unknown":' + b"[" * 200_000,
        b'{"format":1,"id":"\\ud800"}',
        b'{"format":1,"id":"\xff"}',
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_no_delivery_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        decode_delivery(raw)


def test_more_bytes_than_a_delivery_may_have_are_not_even_parsed() -> None:
    document = {**_document(), "text": "x" * LIMIT_BYTES}

    with pytest.raises(UnreadableMessage, match="bytes"):
        decode_delivery(json.dumps(document).encode())


def test_the_reason_does_not_repeat_the_content() -> None:
    document = {**_document(), "timestamp": "secret@example.org", "headers": {"a": ["secret"]}}

    with pytest.raises(UnreadableMessage) as refused:
        decode_delivery(json.dumps(document).encode())

    assert "secret" not in str(refused.value)


@given(raw=st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_and_nothing_else_happens(raw: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        decode_delivery(raw)


@given(field=st.sampled_from(sorted(json.loads(encode_delivery(a_full_delivery())))), value=_json)
def test_an_arbitrary_value_in_a_field_is_read_or_refused(field: str, value: Any) -> None:
    document = {**json.loads(encode_delivery(a_full_delivery())), field: value}
    raw = json.dumps(document).encode()

    try:
        delivery = decode_delivery(raw)
    except UnreadableMessage:
        return

    assert decode_delivery(encode_delivery(delivery)) == delivery


@pytest.mark.parametrize(
    "unfit",
    [
        replace(a_delivery(), endpoint=""),
        replace(a_delivery(), channel="x" * 251),
        replace(a_delivery(), priority=10),
        replace(a_delivery(), attempt=0),
        replace(a_delivery(), key="nul\0l"),
        replace(a_delivery(), expires_at=datetime(2026, 1, 5)),  # noqa: DTZ001
        a_delivery(payload=b"x" * LIMIT_BYTES),
    ],
    ids=["endpoint", "channel", "priority", "attempt", "key", "expires_at", "payload"],
)
def test_what_would_be_refused_on_arrival_does_not_leave(unfit: Delivery) -> None:
    with pytest.raises(ConversionFailed):
        encode_delivery(unfit)


@pytest.mark.parametrize(
    "value", [None, [1], {"a": 1}, float("nan"), float("inf"), 2**70, b"bytes", "nul\0l", object()]
)
def test_a_header_that_is_no_scalar_does_not_leave(value: Any) -> None:
    delivery = a_delivery()
    metadata = replace(delivery.envelope.metadata, headers={"a": value})

    with pytest.raises(ConversionFailed):
        encode_delivery(replace(delivery, envelope=replace(delivery.envelope, metadata=metadata)))


def test_times_keep_their_microseconds() -> None:
    instant = datetime(2026, 1, 5, 9, 0, 0, 1, tzinfo=UTC)

    decoded = decode_delivery(encode_delivery(a_delivery(available_at=instant)))

    assert decoded.available_at == instant


def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(encode_delivery(a_delivery()))
    return document
