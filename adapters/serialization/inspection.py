"""What msgspec leaves unsaid about a class: whether it can be read back at all, and whether the
times in it have a zone and the numbers are finite."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import inspect

from ports.errors import ConversionFailed

Check = Callable[[Any, str], None]


def check_convertible(target: Any) -> None:
    """Raises:
    ConversionFailed: somewhere in ``target`` is a class that JSON cannot be turned into.
    """
    name = target.__qualname__ if isinstance(target, type) else str(target)
    try:
        _refuse_custom(inspect.type_info(target), name, set())
    except (TypeError, NameError) as error:
        raise ConversionFailed(name, str(error)) from error


def sound_values(target: Any) -> Check | None:
    """A check that raises ValueError for a time without zone or a number that is not finite; None
    when ``target`` can hold neither."""
    return _check_for(inspect.type_info(target), {})


def _refuse_custom(info: inspect.Type, where: str, seen: set[type]) -> None:
    match info:
        case inspect.CustomType(cls=cls):
            raise ConversionFailed(where, f"{cls.__qualname__} is neither plain nor a dataclass")
        case inspect.DataclassType(cls=cls, fields=fields):
            if cls in seen:
                return
            seen.add(cls)
            for field in fields:
                _refuse_custom(field.type, f"{where}.{field.name}", seen)
        case _:
            for part in _parts(info):
                _refuse_custom(part, where, seen)


def _parts(info: inspect.Type) -> tuple[inspect.Type, ...]:
    match info:
        case inspect.UnionType(types=types):
            return types
        case inspect.TupleType(item_types=items):
            return items
        case inspect.DictType(key_type=key, value_type=value):
            return (key, value)
        case inspect.CollectionType(item_type=item):
            return (item,)
        case _:
            return ()


def _check_for(info: inspect.Type, known: dict[type, Check | None]) -> Check | None:
    match info:
        case inspect.DateTimeType():
            return _has_zone
        case inspect.FloatType():
            return _is_finite
        case inspect.DataclassType():
            return _check_for_dataclass(info, known)
        case inspect.UnionType(types=types):
            return _check_for_union(types, known)
        case inspect.DictType(value_type=value):
            of_value = _check_for(value, known)
            return None if of_value is None else _each_value(of_value)
        case inspect.TupleType(item_types=items):
            of_items = [_check_for(item, known) for item in items]
            return None if not any(of_items) else _in_places(of_items)
        case inspect.CollectionType(item_type=item):
            of_item = _check_for(item, known)
            return None if of_item is None else _each_item(of_item)
        case _:
            return None


def _check_for_dataclass(
    info: inspect.DataclassType, known: dict[type, Check | None]
) -> Check | None:
    if info.cls in known:
        return known[info.cls]
    checks: list[tuple[str, Check]] = []

    def check(value: Any, where: str) -> None:
        for name, of_field in checks:
            of_field(getattr(value, name), f"{where}.{name}")

    # Known before its fields are looked at, for classes that contain themselves.
    known[info.cls] = check
    for field in info.fields:
        of_field = _check_for(field.type, known)
        if of_field is not None:
            checks.append((field.name, of_field))
    if not checks:
        known[info.cls] = None
        return None
    return check


def _check_for_union(
    types: tuple[inspect.Type, ...], known: dict[type, Check | None]
) -> Check | None:
    checks = [(_class_of(part), _check_for(part, known)) for part in types]
    needed = [(cls, check) for cls, check in checks if check is not None]
    if not needed:
        return None

    def check(value: Any, where: str) -> None:
        for cls, of_part in needed:
            if isinstance(value, cls):
                of_part(value, where)

    return check


def _each_value(of_value: Check) -> Check:
    def check(value: Any, where: str) -> None:
        for inner in value.values():
            of_value(inner, f"{where}[...]")

    return check


def _each_item(of_item: Check) -> Check:
    def check(value: Any, where: str) -> None:
        for inner in value:
            of_item(inner, f"{where}[...]")

    return check


def _in_places(of_items: list[Check | None]) -> Check:
    def check(value: Any, where: str) -> None:
        for place, (of_item, inner) in enumerate(zip(of_items, value, strict=True)):
            if of_item is not None:
                of_item(inner, f"{where}[{place}]")

    return check


def _class_of(info: inspect.Type) -> type:
    match info:
        case inspect.DataclassType(cls=cls):
            return cls
        case inspect.DateTimeType():
            return datetime
        case inspect.FloatType():
            return float
        case inspect.DictType():
            return dict
        case inspect.CollectionType() | inspect.TupleType():
            return object
        case _:
            return type(None)


def _has_zone(value: Any, where: str) -> None:
    if value.tzinfo is None:
        raise ValueError(f"Expected `datetime` with a time zone - at `{where}`")


def _is_finite(value: Any, where: str) -> None:
    if not math.isfinite(value):
        raise ValueError(f"Expected a finite `float` - at `{where}`")
