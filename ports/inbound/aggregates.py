"""Declarations of aggregates (Evans, *Domain-Driven Design*).

A state-stored aggregate is a plain object that a repository turns into a row; it records events
through :class:`RecordsEvents`. An event-sourced one returns its new events from its command
handlers and is rebuilt by the methods marked with :func:`applies`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ports.inbound.declaring import mark

C = TypeVar("C", bound=type)
F = TypeVar("F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    name: str
    identifier: str
    event_sourced: bool
    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applies:
    pass


def aggregate(name: str, *, identifier: str) -> Callable[[C], C]:
    """A state-stored aggregate.

    ``identifier`` names the attribute that identifies an instance, on the aggregate and on the
    messages for it alike. ``name`` is stable and never derived from the class."""
    return mark(Aggregate(name=name, identifier=identifier, event_sourced=False, stream=""))


def event_sourced_aggregate(
    name: str, *, identifier: str, stream: str | None = None
) -> Callable[[C], C]:
    """An aggregate whose state is the fold of its events. Needs a constructor without arguments.

    ``stream`` defaults to ``name``; several aggregate types may share one."""
    return mark(
        Aggregate(name=name, identifier=identifier, event_sourced=True, stream=stream or name)
    )


def applies(function: F) -> F:
    """Apply one kind of event, given by the type of the only parameter (unions allowed). Never
    refuses and has no effect but on ``self``: it runs again on every load."""
    return mark(Applies())(function)


class RecordsEvents:
    """What a state-stored aggregate inherits to announce events. They are published after the
    aggregate is saved, in the order recorded, in the same transaction."""

    __slots__ = ("_recorded_events",)

    def record(self, event: object) -> None:
        recorded: list[object] | None = getattr(self, "_recorded_events", None)
        if recorded is None:
            self._recorded_events: list[object] = [event]
        else:
            recorded.append(event)

    def pull_events(self) -> list[object]:
        """All recorded events; a second call returns none."""
        recorded: list[object] = getattr(self, "_recorded_events", [])
        self._recorded_events = []
        return recorded
