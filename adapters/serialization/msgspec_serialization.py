"""Payloads as JSON, by msgspec: an encoder and a decoder per class, prepared at start."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from adapters.serialization.inspection import check_convertible, sound_values
from adapters.serialization.marshmallow_contracts import ContractCodec
from ports.errors import ConversionFailed
from ports.messages import JSON
from ports.outbound.serialization import Codec

# What msgspec and the checks raise for bytes or values that do not fit; RecursionError for too deep
# a nesting.
_UNFIT = (
    msgspec.MsgspecError,
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
    AttributeError,
)


class MsgspecCodec:
    content_type = JSON

    def __init__(self, payload_type: Any) -> None:
        """Raises:
        ConversionFailed: the class holds something that msgspec cannot read back.
        """
        self._target = name_of(payload_type)
        check_convertible(payload_type)
        self._check: Callable[[Any, str], None] | None = sound_values(payload_type)
        try:
            self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(payload_type)
        except _UNFIT as error:
            raise ConversionFailed(self._target, str(error)) from error
        self._encoder = msgspec.json.Encoder()

    def encode(self, payload: Any) -> bytes:
        try:
            if self._check is not None:
                self._check(payload, "$")
            return self._encoder.encode(payload)
        except _UNFIT as error:
            raise ConversionFailed(self._target, str(error)) from error

    def decode(self, data: bytes) -> Any:
        try:
            payload = self._decoder.decode(data)
            if self._check is not None:
                self._check(payload, "$")
        except _UNFIT as error:
            raise ConversionFailed(self._target, str(error)) from error
        return payload


class MsgspecSerialization:
    """May be shared by threads and runtimes: codecs are cached per class and never change."""

    def __init__(self) -> None:
        self._codecs: dict[tuple[Any, bool], Codec] = {}

    def codec(self, payload_type: Any, *, contract: bool) -> Codec:
        found = self._codecs.get((payload_type, contract))
        if found is None:
            plain = MsgspecCodec(payload_type)
            found = ContractCodec(payload_type, plain) if contract else plain
            self._codecs[payload_type, contract] = found
        return found

    def convert(self, value: object, target: Any) -> Any:
        """Texts become numbers, booleans, times, enums and so on; numbers become texts."""
        if target is str:
            return _as_text(value)
        try:
            converted = msgspec.convert(value, target, strict=False)
        except _UNFIT as error:
            raise ConversionFailed(name_of(target), str(error)) from error
        if isinstance(converted, datetime) and converted.utcoffset() is None:
            raise ConversionFailed(name_of(target), "a time needs its zone")
        return converted


def name_of(target: Any) -> str:
    return target.__qualname__ if isinstance(target, type) else str(target)


def _as_text(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case datetime():
            return value.isoformat()
        case _:
            raise ConversionFailed("str", f"a header holds no {type(value).__name__}")
