"""Python values in PostgreSQL's binary format and back.

Binary, because it carries a length: text with a zero byte is refused by the server instead of being
cut short on the way. Times are microseconds since 2000, integers are eight bytes.
"""

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.sql.statements import Kind

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_INT8 = struct.Struct(">q")
_FLOAT8 = struct.Struct(">d")
_LENGTH = struct.Struct(">i")
_ARRAY = struct.Struct(">iiIii")  # dimensions, has nulls, element type, size, lower bound
_EMPTY_ARRAY = struct.Struct(">iiI")
_NULL = _LENGTH.pack(-1)

OIDS = {
    Kind.TEXT: 25,
    Kind.INT: 20,
    Kind.FLOAT: 701,
    Kind.BOOL: 16,
    Kind.BYTES: 17,
    Kind.TIME: 1184,
    Kind.TEXTS: 1009,
    Kind.INTS: 1016,
    Kind.BOOLS: 1000,
    Kind.BYTESES: 1001,
    Kind.TIMES: 1185,
    Kind.READY: 0,
}

Encode = Callable[[Any], bytes]
Decode = Callable[[bytes], Any]


def _time_to_wire(value: datetime) -> bytes:
    since = value - _EPOCH
    return _INT8.pack((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _time_from_wire(data: bytes) -> datetime:
    return _EPOCH + timedelta(microseconds=_INT8.unpack(data)[0])


def _bool_to_wire(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


def _int_from_wire(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)  # int2, int4 or int8


def _array_to_wire(element: Kind) -> Encode:
    encode = ENCODERS[element]
    oid = OIDS[element]

    def to_wire(values: Sequence[object]) -> bytes:
        if not values:
            return _EMPTY_ARRAY.pack(0, 0, oid)
        has_null = 0
        parts = [b""]
        for value in values:
            if value is None:
                has_null = 1
                parts.append(_NULL)
                continue
            data = encode(value)
            parts.append(_LENGTH.pack(len(data)))
            parts.append(data)
        parts[0] = _ARRAY.pack(1, has_null, oid, len(values), 1)
        return b"".join(parts)

    return to_wire


def _same(value: bytes) -> bytes:
    return value


ENCODERS: dict[Kind, Encode] = {
    Kind.TEXT: str.encode,
    Kind.INT: _INT8.pack,
    Kind.FLOAT: _FLOAT8.pack,
    Kind.BOOL: _bool_to_wire,
    Kind.BYTES: _same,
    Kind.TIME: _time_to_wire,
    Kind.READY: _same,
}
ENCODERS |= {
    Kind.TEXTS: _array_to_wire(Kind.TEXT),
    Kind.INTS: _array_to_wire(Kind.INT),
    Kind.BOOLS: _array_to_wire(Kind.BOOL),
    Kind.BYTESES: _array_to_wire(Kind.BYTES),
    Kind.TIMES: _array_to_wire(Kind.TIME),
}

DECODERS: dict[Kind, Decode] = {
    Kind.TEXT: bytes.decode,
    Kind.INT: _int_from_wire,
    Kind.FLOAT: lambda data: _FLOAT8.unpack(data)[0],
    Kind.BOOL: lambda data: data != b"\x00",
    Kind.BYTES: _same,
    Kind.TIME: _time_from_wire,
}
