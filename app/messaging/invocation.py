"""From a message to the arguments of a handler, decided once at start."""

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from app.messaging.endpoints import Handling
from ports import headers
from ports.errors import MissingHeader, MissingService
from ports.inbound.parameters import AllHeaders, CurrentMessage, Header, Service
from ports.outbound.serialization import Serialization

Resolver = Callable[[Handling], Any]

_RUNTIME_HEADERS: Mapping[str, Resolver] = {
    headers.MESSAGE_ID: lambda handling: handling.message.metadata.id,
    headers.CORRELATION_ID: lambda handling: handling.message.metadata.correlation_id,
    headers.PARENT_ID: lambda handling: handling.message.metadata.parent_id,
    headers.TIMESTAMP: lambda handling: handling.message.metadata.timestamp,
    headers.SOURCE: lambda handling: handling.message.metadata.source,
    headers.TENANT: lambda handling: handling.message.metadata.tenant,
    headers.REPLAYED: lambda handling: handling.replayed,
    headers.ATTEMPT: lambda handling: handling.attempt,
}


_ONE_OR_NONE = 2  # members of ``X | None``


@dataclass(frozen=True, slots=True)
class Parameters:
    """``payload_types`` is empty when the handler takes no payload."""

    payload_types: tuple[type, ...]
    resolvers: tuple[Resolver, ...]


def compile_parameters(
    function: Callable[..., Any],
    *,
    label: str,
    services: Mapping[type, object],
    serialization: Serialization,
) -> Parameters:
    """Read a handler's signature; its first parameter (self, cls) is skipped.

    Raises:
        TypeError: an annotation is missing or is no type that a handler can ask for.
        MissingService
    """
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    resolvers: list[Resolver] = []
    payload_types: tuple[type, ...] = ()
    for index, parameter in enumerate(parameters):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"parameter *{parameter.name} cannot be filled")
        if parameter.name not in hints:
            raise TypeError(f"parameter {parameter.name!r} has no type")
        annotation = hints[parameter.name]
        marker = _marker(annotation)
        if index == 0 and marker is None:
            payload_types = _payload_types(annotation)
            continue
        resolvers.append(_resolver(parameter, annotation, marker, label, services, serialization))
    return Parameters(payload_types, tuple(resolvers))


def bind(function: Callable[..., Any], parameters: Parameters) -> Callable[..., Any]:
    """``(target, payload, handling) -> result`` for an unbound function, without loops for the
    usual numbers of parameters."""
    resolvers = parameters.resolvers
    if not parameters.payload_types:
        if not resolvers:
            return lambda target, payload, handling: function(target)
        return lambda target, payload, handling: function(
            target, *[resolve(handling) for resolve in resolvers]
        )
    if not resolvers:
        return lambda target, payload, handling: function(target, payload)
    if len(resolvers) == 1:
        only = resolvers[0]
        return lambda target, payload, handling: function(target, payload, only(handling))
    return lambda target, payload, handling: function(
        target, payload, *[resolve(handling) for resolve in resolvers]
    )


def _marker(annotation: Any) -> object | None:
    if get_origin(annotation) is not Annotated:
        return None
    for extra in get_args(annotation)[1:]:
        if isinstance(extra, (Header, AllHeaders, CurrentMessage, Service)):
            return extra
    return None


def _payload_types(annotation: Any) -> tuple[type, ...]:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        members = get_args(annotation)
    else:
        members = (annotation,)
    for member in members:
        if not isinstance(member, type):
            raise TypeError(f"the payload's type {member!r} is no class")
    return members


def _resolver(
    parameter: inspect.Parameter,
    annotation: Any,
    marker: object | None,
    label: str,
    services: Mapping[type, object],
    serialization: Serialization,
) -> Resolver:
    target = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    match marker:
        case Header(name):
            return _header(name, parameter, target, label, serialization)
        case AllHeaders():
            return lambda handling: handling.message.metadata.headers
        case CurrentMessage():
            return lambda handling: handling.message
    if target not in services:
        raise MissingService(getattr(target, "__qualname__", repr(target)))
    service = services[target]
    return lambda handling: service


def _header(
    name: str,
    parameter: inspect.Parameter,
    target: Any,
    label: str,
    serialization: Serialization,
) -> Resolver:
    read = _RUNTIME_HEADERS.get(name) or (
        lambda handling: handling.message.metadata.headers.get(name)
    )
    members = get_args(target) if get_origin(target) in (Union, types.UnionType) else ()
    optional = type(None) in members
    if optional and len(members) == _ONE_OR_NONE:
        [target] = (member for member in members if member is not type(None))
    if parameter.default is not inspect.Parameter.empty:
        fallback = parameter.default
    else:
        fallback = None if optional else inspect.Parameter.empty

    def resolve(handling: Handling) -> Any:
        value = read(handling)
        if value is None:
            if fallback is inspect.Parameter.empty:
                raise MissingHeader(name, label)
            return fallback
        return value if type(value) is target else serialization.convert(value, target)

    return resolve
