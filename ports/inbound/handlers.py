"""Declarations of handlers and of message classes.

``@command_handler()`` on a method makes it the one handler of its first parameter's type, and
``@command_handler("ticket.assign")`` of that routing key. Events may have any number of handlers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ports.inbound.declaring import mark

F = TypeVar("F")
C = TypeVar("C", bound=type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    name: str
    revision: int
    contract: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHandler:
    routing_key: str | None
    endpoint: str | None
    drop_on_not_found: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHandler:
    routing_key: str | None
    endpoint: str | None
    priority: int = 1
    drop_on_not_found: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryHandler:
    routing_key: str | None
    endpoint: str | None


def named(name: str, *, revision: int = 1) -> Callable[[C], C]:
    """Give a message class its stable name. Every class that is stored or leaves the process needs
    one; it is never derived from the class path, because classes move and stored data does not."""
    return mark(Named(name=_checked(name), revision=revision, contract=False))


def contract(name: str, *, revision: int = 1) -> Callable[[C], C]:
    """Like :func:`named`, for the messages that contexts exchange: validated against a schema when
    they arrive, not merely decoded."""
    return mark(Named(name=_checked(name), revision=revision, contract=True))


def command_handler(
    routing_key: str | None = None, *, endpoint: str | None = None, drop_on_not_found: bool = False
) -> Callable[[F], F]:
    """Handle a command, by the type of the first parameter and, if given, by routing key.

    ``endpoint`` is the stable id of this handler; without it the routing key, else
    ``<owner>.<method>``, serves. An asynchronous handler must state one. ``drop_on_not_found``
    ends silently when the aggregate does not exist."""
    return mark(
        CommandHandler(
            routing_key=routing_key, endpoint=endpoint, drop_on_not_found=drop_on_not_found
        )
    )


def event_handler(
    routing_key: str | None = None,
    *,
    endpoint: str | None = None,
    priority: int = 1,
    drop_on_not_found: bool = False,
) -> Callable[[F], F]:
    """React to an event: by class (parents and unions included), or by a routing key, in which
    ``*`` stands for any characters and case does not matter. Synchronous handlers run in the
    publisher's transaction, higher ``priority`` first."""
    return mark(
        EventHandler(
            routing_key=routing_key,
            endpoint=endpoint,
            priority=priority,
            drop_on_not_found=drop_on_not_found,
        )
    )


def query_handler(
    routing_key: str | None = None, *, endpoint: str | None = None
) -> Callable[[F], F]:
    """Answer a query. No transaction is opened and nothing is saved."""
    return mark(QueryHandler(routing_key=routing_key, endpoint=endpoint))


def _checked(name: str) -> str:
    if not name or name != name.strip() or any(character.isspace() for character in name):
        raise ValueError(f"a message name is one word without spaces, not {name!r}")
    return name
