"""Declaration of projections: facts turned into rows.

A projection class holds its event handlers (``@event_handler()`` methods), the query handlers that
read its rows, and a reset hook. It is an adapter: it alone knows its table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ports.inbound.declaring import mark

C = TypeVar("C", bound=type)
F = TypeVar("F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    name: str
    streams: tuple[str, ...]
    channel: str
    batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    pass


def projection(
    name: str, *, streams: tuple[str, ...], channel: str, batch: int = 500
) -> Callable[[C], C]:
    """Feed a class the events of some streams, in the order of the log, each exactly once as far as
    its rows are concerned: position and rows are committed together.

    It runs on ``channel``, woken after commits. ``batch`` is the number of events to a
    transaction."""
    if batch < 1 or not streams:
        raise ValueError("a projection reads at least one stream and one event at a time")
    return mark(Projection(name=name, streams=streams, channel=channel, batch=batch))


def resets(function: F) -> F:
    """The method that empties the projection's rows before a rebuild, in its transaction."""
    return mark(Reset())(function)
