"""From declarations to endpoints: every check that can be made before the first message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.messaging.aggregates import AggregateCalls, EventSourcedCalls, Publish, StateStoredCalls
from app.messaging.checking import (
    check_addressing,
    check_channel,
    check_delivery,
    check_distribution,
    check_marks,
    check_returned_events,
)
from app.messaging.declarations import (
    AggregateDeclaration,
    Declaration,
    ProjectionDeclaration,
)
from app.messaging.endpoints import Call, Endpoint, Handling, Kind
from app.messaging.faults import Faults, place_of
from app.messaging.internals import Internals
from app.messaging.invocation import Parameters, bind, compile_parameters
from app.messaging.message_types import MessageTypes
from app.messaging.projecting import CompiledProjection
from ports.errors import ConversionFailed, MissingService
from ports.inbound.delivery import RetryPolicy
from ports.inbound.handlers import CommandHandler, EventHandler, QueryHandler
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from ports.outbound.serialization import Serialization


def kind_of(mark: CommandHandler | EventHandler | QueryHandler) -> Kind:
    match mark:
        case CommandHandler():
            return Kind.COMMAND
        case EventHandler():
            return Kind.EVENT
        case QueryHandler():
            return Kind.QUERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    channels: Mapping[str, ChannelDeclaration]  # by full name
    context: str
    services: Mapping[type, object]
    serialization: Serialization
    types: MessageTypes
    faults: Faults

    def parameters(self, declaration: Declaration) -> Parameters | None:
        """None, with a fault noted, when the signature cannot be filled."""
        try:
            parameters = compile_parameters(
                declaration.function,
                label=declaration.label,
                services=self.services,
                serialization=self.serialization,
            )
        except MissingService as missing:
            self.faults.add(
                declaration.where,
                f"a parameter asks for the service {missing.service}, which the runtime has not",
                "Give an instance to the runtime's services, or correct the annotation",
            )
            return None
        except (TypeError, NameError) as error:
            self.faults.add(declaration.where, str(error), "Annotate the parameter with a class")
            return None
        if not parameters.payload_types and declaration.mark.routing_key is None:
            self.faults.add(
                declaration.where,
                "the handler takes no message and has no routing key",
                "Make the message its first parameter, or give a routing key",
            )
            return None
        for payload_type in parameters.payload_types:
            if payload_type in self.services:
                self.faults.add(
                    declaration.where,
                    f"{payload_type.__qualname__} stands where the message is expected, but it is "
                    "a service",
                    "Make the message the first parameter, or mark it with Annotated[..., "
                    "Service()] if there is none",
                )
            self.register(payload_type, declaration.where)
        return parameters

    def register(self, cls: type, where: str) -> None:
        try:
            self.types.register(cls)
        except ConversionFailed as error:
            self.faults.add(where, str(error), "Correct the message class")

    def endpoint(self, declaration: Declaration, parameters: Parameters, call: Call) -> Endpoint:
        channel = self._channel(declaration)
        kind = kind_of(declaration.mark)
        check_delivery(declaration, parameters, channel, self.types, self.faults)
        if channel is not None and channel in self.channels:
            check_channel(declaration, channel, self.channels[channel], self.faults)
        check_marks(declaration, parameters, self.faults)
        check_distribution(declaration, parameters, self.types, self.faults)
        retry = declaration.retried.policy if declaration.retried else None
        declared = self.channels.get(channel) if channel else None
        if retry is None:
            retry = declared.retry if declared else RetryPolicy()
        direct = declared is not None and declared.kind is ChannelKind.DIRECT
        mark = declaration.mark
        return Endpoint(
            id=declaration.endpoint,
            kind=kind,
            label=declaration.label,
            where=declaration.where,
            payload_types=parameters.payload_types,
            routing_key=mark.routing_key,
            channel=None if direct and not declaration.outside else channel,
            outside=declaration.outside,
            distributed=declaration.distributed,
            order=mark.priority if isinstance(mark, EventHandler) else 1,
            message_priority=declaration.prioritised.priority if declaration.prioritised else 4,
            delay=declaration.delayed.by if declaration.delayed else None,
            time_to_live=declaration.expiring.after if declaration.expiring else None,
            retry=retry,
            time_limit=declaration.time_limited.limit if declaration.time_limited else None,
            call=call,
        )

    def _channel(self, declaration: Declaration) -> str | None:
        if declaration.asynchronous is None:
            return None
        name = f"{self.context}.{declaration.asynchronous.channel}"
        if name not in self.channels:
            self.faults.add(
                declaration.where,
                f"there is no channel {declaration.asynchronous.channel!r}",
                f"Declare it, or use one of: {', '.join(sorted(self.channels)) or 'none'}",
            )
        return name

    def service_endpoint(self, declaration: Declaration) -> Endpoint | None:
        parameters = self.parameters(declaration)
        if parameters is None:
            return None
        invoke = bind(declaration.function, parameters)
        target = declaration.target

        def call(handling: Handling) -> Any:
            return invoke(target, handling.message.payload, handling)

        return self.endpoint(declaration, parameters, call)

    def aggregate_endpoints(
        self,
        aggregate: AggregateDeclaration,
        declarations: Sequence[Declaration],
        calls: AggregateCalls,
    ) -> list[Endpoint]:
        compiled = [
            (declaration, parameters)
            for declaration in declarations
            if (parameters := self.parameters(declaration)) is not None
        ]
        factories: dict[tuple[object, ...], tuple[Declaration, Parameters]] = {}
        for declaration, parameters in compiled:
            self._check_aggregate_handler(aggregate, declaration)
            if declaration.creates and not isinstance(declaration.mark, QueryHandler):
                route = _route(declaration, parameters)
                if route in factories:
                    self._only_one(declaration, "factory", factories[route][0])
                factories[route] = (declaration, parameters)
        redirected: set[tuple[object, ...]] = set()
        endpoints: list[Endpoint] = []
        for declaration, parameters in compiled:
            if declaration.creates:
                continue
            mark = declaration.mark
            check_addressing(aggregate, declaration, parameters, self.faults)
            if isinstance(mark, QueryHandler):
                call = calls.question(declaration.function, parameters)
                endpoints.append(self.endpoint(declaration, parameters, call))
                continue
            route = _route(declaration, parameters)
            factory = factories.get(route)
            otherwise = calls.factory(factory[0].function, factory[1]) if factory else None
            call = calls.action(
                declaration.function,
                parameters,
                drop_on_not_found=mark.drop_on_not_found,
                otherwise=otherwise,
            )
            # Of a pair, the factory's endpoint id and channel govern.
            governing, governing_parameters = factory or (declaration, parameters)
            if factory and route in redirected:
                self._only_one(declaration, "action beside a factory", factory[0])
            if factory:
                redirected.add(route)
            endpoints.append(self.endpoint(governing, governing_parameters, call))
        for route, (declaration, parameters) in factories.items():
            if route not in redirected:
                call = calls.factory(declaration.function, parameters)
                endpoints.append(self.endpoint(declaration, parameters, call))
        return endpoints

    def _check_aggregate_handler(
        self, aggregate: AggregateDeclaration, declaration: Declaration
    ) -> None:
        add, where = self.faults.add, declaration.where
        if declaration.outside:
            add(
                where,
                "a handler on an aggregate is marked @outside()",
                "Move what reaches outside into a class of its own",
            )
        if declaration.creates and isinstance(declaration.mark, QueryHandler):
            add(where, "a query handler on an aggregate is a class method", "Ask an instance")
        if aggregate.mark.event_sourced and not isinstance(declaration.mark, QueryHandler):
            check_returned_events(declaration, self.types, self.faults)

    def _only_one(self, declaration: Declaration, what: str, other: Declaration) -> None:
        self.faults.add(
            declaration.where,
            f"a second {what} for the message of {other.label}",
            "Remove one of the two, or give them different classes or routing keys",
        )

    def projection(self, declared: ProjectionDeclaration) -> CompiledProjection:
        owner = type(declared.instance)
        handler_of: dict[type, Call] = {}
        for declaration in declared.handlers:
            parameters = self.parameters(declaration)
            if parameters is None:
                continue
            self._check_projection_handler(declaration, parameters)
            invoke = bind(declaration.function, parameters)

            def call(handling: Handling, invoke: Any = invoke) -> Any:
                return invoke(declared.instance, handling.message.payload, handling)

            for payload_type in parameters.payload_types:
                if payload_type in handler_of:
                    self.faults.add(
                        declaration.where,
                        f"{payload_type.__qualname__} has two handlers in one projection",
                        "Keep one of them",
                    )
                handler_of[payload_type] = call
        if declared.reset is None:
            self.faults.add(
                place_of(owner),
                "the projection cannot be rebuilt",
                "Mark the method that empties its rows with @resets",
            )
        channel = f"{self.context}.{declared.mark.channel}"
        if channel not in self.channels:
            self.faults.add(
                place_of(owner),
                f"there is no channel {declared.mark.channel!r}",
                f"Declare it, or use one of: {', '.join(sorted(self.channels)) or 'none'}",
            )
        elif self.channels[channel].kind not in (ChannelKind.CELERY, ChannelKind.IN_MEMORY):
            self.faults.add(
                place_of(owner),
                f"a projection cannot be woken over the {self.channels[channel].kind} channel",
                "Use a Celery channel",
            )
        return CompiledProjection(
            name=declared.mark.name,
            streams=declared.mark.streams,
            channel=channel,
            batch=declared.mark.batch,
            handler_of=handler_of,
            reset=declared.reset,
        )

    def _check_projection_handler(self, declaration: Declaration, parameters: Parameters) -> None:
        add, where = self.faults.add, declaration.where
        for marked, what in (
            (declaration.marked_asynchronous, "@asynchronous"),
            (declaration.outside, "@outside()"),
            (declaration.delayed, "@delayed"),
            (declaration.expiring, "@expiring"),
            (declaration.prioritised, "@prioritised"),
            (declaration.retried, "@retried"),
            (declaration.time_limited, "@time_limited"),
            (declaration.distributed, "@distributed"),
        ):
            if marked:
                add(where, f"{what} means nothing in a projection", "Remove it")
        if not parameters.payload_types:
            add(where, "nothing says which events it is for", "Take the event as first parameter")
        self._check_stored(parameters.payload_types, where)

    def _check_stored(self, payload_types: Sequence[type], where: str) -> None:
        for cls in payload_types:
            if not self.types.register(cls).name:
                self.faults.add(
                    where,
                    f"{cls.__qualname__} is stored without a stable name",
                    "Mark the class with @named(<name>)",
                )

    def applied(self, aggregate: AggregateDeclaration) -> dict[type, list[Any]]:
        """The methods that apply each class of event."""
        found: dict[type, list[Any]] = {}
        for method in aggregate.applies:
            try:
                parameters = compile_parameters(
                    method,
                    label=method.__qualname__,
                    services={},
                    serialization=self.serialization,
                )
            except (TypeError, NameError, MissingService) as error:
                self.faults.add(
                    place_of(method),
                    f"the event to apply is unclear: {error}",
                    "Take exactly one parameter, annotated with the class of the event",
                )
                continue
            if parameters.resolvers or not parameters.payload_types:
                self.faults.add(
                    place_of(method),
                    "a method that applies events takes something else than an event",
                    "Take exactly one parameter, annotated with the class of the event",
                )
            for payload_type in parameters.payload_types:
                self.register(payload_type, place_of(method))
                found.setdefault(payload_type, []).append(method)
            self._check_stored(parameters.payload_types, place_of(method))
        return found

    def aggregate_calls(
        self, aggregate: AggregateDeclaration, internals: Internals, publish: Publish
    ) -> AggregateCalls:
        if not aggregate.mark.event_sourced:
            return StateStoredCalls(aggregate, internals, publish)
        applied = self.applied(aggregate)
        if not applied:
            self.faults.add(
                place_of(aggregate.cls),
                "the event-sourced aggregate applies no event",
                "Mark the methods that fold events into its state with @applies",
            )
        try:
            aggregate.cls()
        except TypeError:
            self.faults.add(
                place_of(aggregate.cls),
                "the event-sourced aggregate cannot be constructed without arguments",
                "Give __init__ no parameters; state comes from events",
            )
        return EventSourcedCalls(aggregate, internals, publish, applied)


def _route(declaration: Declaration, parameters: Parameters) -> tuple[object, ...]:
    mark = declaration.mark
    return (type(mark), mark.routing_key, parameters.payload_types)
