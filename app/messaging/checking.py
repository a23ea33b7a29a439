"""What can be wrong with a declaration although it can be compiled: found at start, or else found
out by a message that goes nowhere."""

import dataclasses
import inspect
from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_type_hints

from app.messaging.declarations import AggregateDeclaration, Declaration
from app.messaging.distributing import DISTRIBUTED_COMMAND, DISTRIBUTED_EVENT
from app.messaging.endpoints import Endpoint
from app.messaging.faults import Faults, place_of
from app.messaging.invocation import Parameters
from app.messaging.message_types import MessageTypes
from app.messaging.projecting import ENDPOINT_PREFIX
from app.messaging.routing import key_pattern
from ports.errors import ConversionFailed
from ports.inbound.handlers import CommandHandler, EventHandler, QueryHandler
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from ports.outbound.transactions import Store

_TAKEN = (DISTRIBUTED_COMMAND, DISTRIBUTED_EVENT)
# Kinds of channels on which somebody watches the time; in memory it is a stand-in for Celery.
_WATCHED = (ChannelKind.CELERY, ChannelKind.IN_MEMORY)


def check_endpoint_ids(endpoints: Sequence[Endpoint], faults: Faults) -> None:
    seen: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        other = seen.setdefault(endpoint.id, endpoint)
        if other is not endpoint:
            faults.add(
                endpoint.where,
                f"endpoint id {endpoint.id!r} belongs to {other.label} already",
                "Give one of them another endpoint=<id>",
            )
        if endpoint.id in _TAKEN or endpoint.id.startswith(ENDPOINT_PREFIX):
            faults.add(
                endpoint.where,
                f"endpoint id {endpoint.id!r} is the runtime's own",
                "Give it another endpoint=<id>",
            )


def check_owner(target: object, declarations: Sequence[Declaration], faults: Faults) -> None:
    if isinstance(target, type):
        faults.add(
            place_of(target),
            "a class is given where an instance is needed",
            "Construct it; only aggregates are given as classes",
        )
    elif not declarations:
        faults.add(
            place_of(type(target)),
            "none of its methods is marked as a handler",
            "Mark one, or do not give it to the runtime",
        )


def check_delivery(
    declaration: Declaration,
    parameters: Parameters,
    channel: str | None,
    types: MessageTypes,
    faults: Faults,
) -> None:
    add, where = faults.add, declaration.where
    if channel is None:
        for wanted, what in (
            (declaration.outside, "@outside()"),
            (declaration.delayed, "@delayed"),
            (declaration.expiring, "@expiring"),
            (declaration.prioritised, "@prioritised"),
            (declaration.retried, "@retried"),
            (declaration.time_limited, "@time_limited"),
        ):
            if wanted:
                add(where, f"{what} needs a channel", "Add @asynchronous(<channel>)")
        return
    if declaration.mark.endpoint is None:
        add(
            where,
            "an asynchronous handler has no endpoint id of its own",
            "Add endpoint=<stable id>: messages on their way are addressed to it",
        )
    delayed, expiring = declaration.delayed, declaration.expiring
    if delayed and expiring and expiring.after <= delayed.by:
        add(
            where,
            f"its messages expire after {expiring.after}, before they are due after {delayed.by}",
            "Let them live longer than they are delayed",
        )
    for payload_type in parameters.payload_types:
        if not types.register(payload_type).name:
            add(
                where,
                f"{payload_type.__qualname__} travels over a channel without a stable name",
                "Mark the class with @named(<name>)",
            )


def check_channel(
    declaration: Declaration, name: str, channel: ChannelDeclaration, faults: Faults
) -> None:
    """Whether the channel can do what is asked of it."""
    add, where, able = faults.add, declaration.where, channel.capabilities
    priorities = able.priority and (channel.prioritised or channel.kind is not ChannelKind.CELERY)
    for wanted, ability, can in (
        (declaration.delayed, "delays", able.delay),
        (declaration.expiring, "a time to live", able.ttl),
        (declaration.prioritised, "priorities", priorities),
        (declaration.time_limited, "time limits", channel.kind in _WATCHED),
    ):
        if wanted and not can:
            add(
                where,
                f"channel {name} ({channel.kind}) knows no {ability}",
                "Use another kind of channel"
                + (", or declare it with prioritised=True" if ability == "priorities" else ""),
            )
    if declaration.outside and channel.kind is ChannelKind.DIRECT:
        add(
            where,
            "an outside handler stands on a direct channel, inside the sender's transaction",
            "Use a channel that queues",
        )


def check_marks(declaration: Declaration, parameters: Parameters, faults: Faults) -> None:
    """Marks that would be overlooked where they stand."""
    add, where = faults.add, declaration.where
    if isinstance(declaration.mark, QueryHandler) and declaration.marked_asynchronous:
        add(where, "a query handler is marked @asynchronous", "Remove it: queries answer at once")
    if (
        isinstance(declaration.mark, CommandHandler)
        and declaration.asynchronous
        and not parameters.payload_types
    ):
        add(
            where,
            "the handler takes no message, so there is nothing to send over its channel",
            "Make a command its first parameter",
        )


def check_distribution(
    declaration: Declaration, parameters: Parameters, types: MessageTypes, faults: Faults
) -> None:
    """What other services send is found by the contract's name, and read as its class."""
    if not declaration.distributed:
        return
    add, where, mark = faults.add, declaration.where, declaration.mark
    if isinstance(mark, QueryHandler):
        add(where, "a query handler is marked @distributed", "Only commands and events travel")
        return
    if mark.routing_key is None:
        add(
            where,
            "a distributed handler has no routing key",
            "Give it the name of its contract, as in @command_handler(<name>)",
        )
        return
    if not parameters.payload_types:
        add(
            where, "a distributed handler takes no message", "Make the contract its first parameter"
        )
    for cls in parameters.payload_types:
        message_type = types.register(cls)
        if not message_type.contract:
            add(
                where,
                f"{cls.__qualname__} comes from another service and is no contract",
                "Mark the class with @contract(<name>)",
            )
        elif isinstance(mark, CommandHandler) and mark.routing_key != message_type.name:
            add(
                where,
                f"{cls.__qualname__} is named {message_type.name!r}, and would never arrive under "
                f"{mark.routing_key!r}",
                "Use the contract's name as the routing key",
            )
        elif not key_pattern(mark.routing_key).match(message_type.name):
            add(
                where,
                f"{cls.__qualname__} is named {message_type.name!r}, which {mark.routing_key!r} "
                "does not match",
                "Let the routing key match the contract's name",
            )


def check_addressing(
    aggregate: AggregateDeclaration,
    declaration: Declaration,
    parameters: Parameters,
    faults: Faults,
) -> None:
    """An event cannot be sent to an instance by a header, so it has to name it."""
    if not isinstance(declaration.mark, EventHandler):
        return
    identifier = aggregate.mark.identifier
    for cls in parameters.payload_types:
        if dataclasses.is_dataclass(cls) and not _has_attribute(cls, identifier):
            faults.add(
                declaration.where,
                f"{cls.__qualname__} does not say which {aggregate.mark.name} it concerns",
                f"Give it the attribute {identifier!r}",
            )


def _has_attribute(cls: Any, name: str) -> bool:
    return hasattr(cls, name) or any(field.name == name for field in dataclasses.fields(cls))


def check_returned_events(declaration: Declaration, types: MessageTypes, faults: Faults) -> None:
    """Of an event-sourced aggregate: what its handlers announce to return is stored by name. It is
    registered, so that whoever reads the log knows it."""
    try:
        annotation = get_type_hints(declaration.function).get("return")
    except (NameError, TypeError):
        return  # noted where the parameters are read
    for cls in _classes_in(annotation):
        try:
            named = types.register(cls).name
        except ConversionFailed as error:
            faults.add(declaration.where, str(error), "Correct the message class")
            continue
        if not named:
            faults.add(
                declaration.where,
                f"{cls.__qualname__} is stored without a stable name",
                "Mark the class with @named(<name>)",
            )


def _classes_in(annotation: object) -> Iterator[type]:
    annotation = getattr(annotation, "__value__", annotation)  # type X = ...
    members = get_args(annotation)
    for member in members:
        yield from _classes_in(member)
    if members or not inspect.isclass(annotation):
        return
    if annotation.__module__ not in ("builtins", "collections.abc", "typing"):
        yield annotation


def check_repository(aggregate: AggregateDeclaration, store: Store, faults: Faults) -> None:
    if aggregate.mark.event_sourced:
        return
    unit = store.begin()
    try:
        unit.aggregates(aggregate.mark.name)
    except LookupError as error:
        faults.add(place_of(aggregate.cls), str(error), "Give the store its mapping")
    finally:
        unit.rollback()


def check_names(what: str, named: Sequence[tuple[str, type]], faults: Faults) -> None:
    seen: dict[str, type] = {}
    for name, cls in named:
        other = seen.setdefault(name, cls)
        if other is not cls:
            faults.add(
                place_of(cls),
                f"{what} {name!r} is {other.__qualname__} already",
                "Give one of them another name",
            )
