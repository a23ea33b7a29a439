"""Contracts between contexts as marshmallow schemas, derived from their dataclasses.

A schema is stricter than a decoder: it knows the constraints of :mod:`ports.contracts.constraints`
and it reports everything that is wrong with a message at once.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from ports.contracts.constraints import Between, MaxLength, MinLength, OneOf
from ports.errors import ConversionFailed
from ports.messages import JSON
from ports.outbound.serialization import Codec

_REASON_LENGTH = 1000
_BUILD = "__build__"  # no contract has a field of this name


class ContractCodec:
    """Writes what the plain codec writes, after the schema agreed; reads through the schema."""

    content_type = JSON

    def __init__(self, contract: Any, plain: Codec) -> None:
        """Raises:
        ConversionFailed: no schema can be derived from the class.
        """
        self._target = getattr(contract, "__qualname__", str(contract))
        self._schema = contract_schema(contract)()
        self._plain = plain

    def encode(self, payload: Any) -> bytes:
        data = self._plain.encode(payload)
        # The receiver would refuse it later and far away; here the sender still sees why.
        self.decode(data)
        return data

    def decode(self, data: bytes) -> Any:
        try:
            return self._schema.load(msgspec.json.decode(data))
        except ValidationError as error:
            reason = "; ".join(_problems(error.messages))[:_REASON_LENGTH]
            raise ConversionFailed(self._target, reason) from error
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
            raise ConversionFailed(self._target, str(error)) from error


def contract_schema(contract: Any) -> type[Schema]:
    """The schema of a dataclass: ``load`` gives an instance, unknown fields are ignored.

    Raises:
        ConversionFailed: it is no dataclass, or a field has a type that contracts do not know.
    """
    return _Derivation().schema(contract)


class _Text(fields.String):
    """A text, never a number or bytes that could be one."""

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        return value


class _Whole(fields.Integer):
    """A whole number, never ``true`` or ``"1"``."""

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


class _Number(fields.Float):
    """A finite number, never a text."""

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> float:
        if type(value) not in (int, float):
            raise self.make_error("invalid")
        number = super()._deserialize(value, *arguments, **more)
        if number is None:
            raise self.make_error("invalid")
        return number


class _TrueOrFalse(fields.Boolean):
    """``true`` or ``false``, never a word or a number for them."""

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class _DecimalText(fields.Decimal):
    """A finite decimal as text: a JSON number would lose digits on its way."""

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> Decimal:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        number = super()._deserialize(value, *arguments, **more)
        if number is None:
            raise self.make_error("invalid")
        return number


class _Entries(fields.List[Any]):
    """A list that becomes a tuple where the contract says so."""

    def __init__(self, inner: fields.Field[Any], *, as_tuple: bool, **options: Any) -> None:
        super().__init__(inner, **options)
        self._as_tuple = as_tuple

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> Any:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        entries = super()._deserialize(value, *arguments, **more)
        return tuple(entries) if self._as_tuple else entries


_PLAIN: Mapping[type, type[fields.Field[Any]]] = {
    str: _Text,
    int: _Whole,
    float: _Number,
    bool: _TrueOrFalse,
    Decimal: _DecimalText,
    UUID: fields.UUID,
    datetime: fields.AwareDateTime,
    date: fields.Date,
}


class _Derivation:
    """One walk through a contract and the dataclasses inside it."""

    def __init__(self) -> None:
        self._schemas: dict[type, type[Schema]] = {}
        self._begun: set[type] = set()

    def schema(self, contract: Any) -> type[Schema]:
        if not (isinstance(contract, type) and dataclasses.is_dataclass(contract)):
            raise ConversionFailed(str(contract), "a contract is a dataclass")
        found = self._schemas.get(contract)
        if found is None:
            if contract in self._begun:
                raise ConversionFailed(contract.__qualname__, "a contract cannot contain itself")
            self._begun.add(contract)
            found = _schema_of(contract, self._fields(contract))
            self._schemas[contract] = found
        return found

    def _fields(self, contract: type) -> dict[str, Any]:
        try:
            hints = typing.get_type_hints(contract, include_extras=True)
        except NameError as error:
            raise ConversionFailed(contract.__qualname__, str(error)) from error
        derived: dict[str, Any] = {}
        for field in dataclasses.fields(contract):
            if not field.init:
                continue
            required = (
                field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING
            )
            where = f"{contract.__qualname__}.{field.name}"
            derived[field.name] = self._field(hints[field.name], where, required=required)
        return derived

    def _field(self, hint: Any, where: str, **options: Any) -> fields.Field[Any]:
        if isinstance(hint, typing.NewType):
            return self._field(hint.__supertype__, where, **options)
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            options["validate"] = [*_validators(arguments[1:]), *options.get("validate", ())]
            return self._field(arguments[0], where, **options)
        if origin in (typing.Union, types.UnionType):
            others = [argument for argument in arguments if argument is not type(None)]
            if len(others) != 1 or len(others) == len(arguments):
                raise ConversionFailed(where, "a contract knows no union but '... | None'")
            return self._field(others[0], where, allow_none=True, **options)
        if origin is typing.Literal:
            values = validate.OneOf(arguments)
            options["validate"] = [values, *options.get("validate", ())]
            return self._field(type(arguments[0]), where, **options)
        if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
            places = tuple(self._field(argument, where, required=True) for argument in arguments)
            return fields.Tuple(places, **options)
        if origin in (list, tuple, Sequence):
            inner = self._field(arguments[0], where, required=True)
            return _Entries(inner, as_tuple=origin is not list, **options)
        if isinstance(hint, type):
            return self._field_of_class(hint, where, options)
        raise ConversionFailed(where, f"a contract knows no {hint}")

    def _field_of_class(self, hint: type, where: str, options: dict[str, Any]) -> fields.Field[Any]:
        if hint in _PLAIN:
            return _PLAIN[hint](**options)
        if issubclass(hint, Enum):
            by_value = _Whole if issubclass(hint, int) else _Text
            return fields.Enum(hint, by_value=by_value, **options)
        if dataclasses.is_dataclass(hint):
            return fields.Nested(self.schema(hint), **options)
        raise ConversionFailed(where, f"a contract knows no {hint.__qualname__}")


def _schema_of(contract: type, derived: dict[str, Any]) -> type[Schema]:
    def build(self: Schema, data: dict[str, Any], **_: Any) -> Any:
        try:
            return contract(**data)
        except (TypeError, ValueError) as error:
            raise ValidationError(str(error)) from error

    class Meta:
        unknown = EXCLUDE

    name = f"{contract.__qualname__}Schema"
    return type(name, (Schema,), {**derived, "Meta": Meta, _BUILD: post_load(build)})


def _validators(constraints: tuple[object, ...]) -> list[validate.Validator]:
    found: list[validate.Validator] = []
    for constraint in constraints:
        match constraint:
            case MaxLength(length=length):
                found.append(validate.Length(max=length))
            case MinLength(length=length):
                found.append(validate.Length(min=length))
            case Between(lowest=lowest, highest=highest):
                found.append(validate.Range(min=lowest, max=highest))
            case OneOf(values=values):
                found.append(validate.OneOf(values))
    return found


def _problems(messages: Any, where: str = "") -> list[str]:
    """Marshmallow's nested messages as flat ones: ``lines.0.amount: Not a valid number.``"""
    if isinstance(messages, Mapping):
        return [
            problem
            for key, inner in messages.items()
            for problem in _problems(inner, where if key == "_schema" else f"{where}.{key}")
        ]
    if isinstance(messages, list):
        return [problem for inner in messages for problem in _problems(inner, where)]
    return [f"{where.lstrip('.')}: {messages}" if where else str(messages)]
