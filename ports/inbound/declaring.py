"""How a decorator leaves its mark, and how marks are read back.

A mark is a frozen dataclass on the function or class. Nothing is wrapped and nothing registers at
import; a runtime reads the marks of exactly the classes that it is given.
"""

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_ATTRIBUTE = "__thicket_marks__"


def mark(declaration: object) -> Callable[[T], T]:
    """A decorator that leaves ``declaration`` on its target and hands the target back."""

    def declare(target: T) -> T:
        bearer = _bearer(target)
        own = bearer.__dict__.get(_ATTRIBUTE, ())
        setattr(bearer, _ATTRIBUTE, (*own, declaration))
        return target

    return declare


def marks_on(target: object) -> tuple[object, ...]:
    """All marks that stand on this very function or class, in the order they are read: innermost
    first. Marks of a parent class do not count."""
    found: tuple[object, ...] = _bearer(target).__dict__.get(_ATTRIBUTE, ())
    return found


def marks_of(target: object, kind: type[T]) -> tuple[T, ...]:
    return tuple(found for found in marks_on(target) if isinstance(found, kind))


def only_mark(target: object, kind: type[T]) -> T | None:
    """The last mark of a kind, or None."""
    found = marks_of(target, kind)
    return found[-1] if found else None


def _bearer(target: object) -> Any:
    # classmethod and staticmethod objects pass the mark on to the function they hold, so that it
    # does not matter in which order the decorators stand.
    return target.__func__ if isinstance(target, (classmethod, staticmethod)) else target
