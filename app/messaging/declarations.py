"""From marks on classes to declarations: what a runtime was given, before it is compiled."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from app.messaging.faults import Faults, place_of
from ports.inbound.aggregates import Aggregate, Applies
from ports.inbound.declaring import marks_of, marks_on, only_mark
from ports.inbound.delivery import (
    Asynchronous,
    Delayed,
    Distributed,
    Expiring,
    Outside,
    Prioritised,
    Retried,
    TimeLimited,
)
from ports.inbound.handlers import CommandHandler, EventHandler, QueryHandler
from ports.inbound.projections import Projection, Reset

HandlerMark = CommandHandler | EventHandler | QueryHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One handler mark on one method. ``target`` is None for aggregates, which are loaded."""

    owner: type
    target: object | None
    function: Callable[..., Any]
    creates: bool  # a factory: a class method of an aggregate
    mark: HandlerMark
    asynchronous: Asynchronous | None
    marked_asynchronous: bool  # on the method itself, not on its class
    outside: bool
    distributed: bool
    delayed: Delayed | None
    expiring: Expiring | None
    prioritised: Prioritised | None
    retried: Retried | None
    time_limited: TimeLimited | None

    @property
    def label(self) -> str:
        return f"{self.owner.__name__}.{self.function.__name__}"

    @property
    def where(self) -> str:
        return place_of(self.function)

    @property
    def endpoint(self) -> str:
        return self.mark.endpoint or self.mark.routing_key or self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateDeclaration:
    cls: type
    mark: Aggregate
    applies: tuple[Callable[..., Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionDeclaration:
    instance: object
    mark: Projection
    handlers: tuple[Declaration, ...]
    reset: Callable[[], None] | None


def aggregate_declaration(cls: type) -> AggregateDeclaration | None:
    mark = only_mark(cls, Aggregate)
    if mark is None:
        return None
    methods = tuple(
        function for _, function in _marked_functions(cls) if marks_of(function, Applies)
    )
    return AggregateDeclaration(cls=cls, mark=mark, applies=methods)


def projection_declaration(
    instance: object, handlers: list[Declaration]
) -> ProjectionDeclaration | None:
    owner = type(instance)
    mark = only_mark(owner, Projection)
    if mark is None:
        return None
    resets = [name for name, function in _marked_functions(owner) if marks_of(function, Reset)]
    return ProjectionDeclaration(
        instance=instance,
        mark=mark,
        handlers=tuple(handler for handler in handlers if isinstance(handler.mark, EventHandler)),
        reset=getattr(instance, resets[0]) if resets else None,
    )


def handlers_of(owner: type, target: object | None, faults: Faults) -> list[Declaration]:
    """Every handler mark on the methods of a class, parents included."""
    found: list[Declaration] = []
    for raw, function in _marked_functions(owner):
        for mark in marks_on(function):
            if not isinstance(mark, (CommandHandler, EventHandler, QueryHandler)):
                continue
            if function.__name__.startswith("_"):
                faults.add(
                    place_of(function),
                    "a handler is private",
                    "Rename it without a leading underscore",
                )
                continue
            asynchronous = only_mark(function, Asynchronous) or only_mark(owner, Asynchronous)
            found.append(
                Declaration(
                    owner=owner,
                    target=target,
                    function=function,
                    creates=isinstance(
                        inspect.getattr_static(owner, raw), (classmethod, staticmethod)
                    ),
                    mark=mark,
                    asynchronous=None if isinstance(mark, QueryHandler) else asynchronous,
                    marked_asynchronous=bool(marks_of(function, Asynchronous)),
                    outside=bool(marks_of(function, Outside)),
                    distributed=bool(marks_of(function, Distributed)),
                    delayed=only_mark(function, Delayed),
                    expiring=only_mark(function, Expiring),
                    prioritised=only_mark(function, Prioritised),
                    retried=only_mark(function, Retried),
                    time_limited=only_mark(function, TimeLimited),
                )
            )
    return found


def _marked_functions(owner: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """In the order in which they stand in the source, parents first."""
    names: dict[str, None] = {}
    for cls in reversed(owner.__mro__):
        names.update(dict.fromkeys(vars(cls)))
    for name in names:
        raw = inspect.getattr_static(owner, name)
        function = raw.__func__ if isinstance(raw, (classmethod, staticmethod)) else raw
        if inspect.isfunction(function) and marks_on(function):
            yield name, function
