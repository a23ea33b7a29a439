"""The door to one context: built once from chosen classes, immutable afterwards.

Two runtimes live in one process without touching each other; nothing here is global.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from app.messaging.buses import CommandBus, EventBus, QueryBus
from app.messaging.checking import (
    check_endpoint_ids,
    check_names,
    check_owner,
    check_repository,
)
from app.messaging.compiling import Compiler
from app.messaging.consuming import Consumer
from app.messaging.declarations import (
    ProjectionDeclaration,
    aggregate_declaration,
    handlers_of,
    projection_declaration,
)
from app.messaging.dispatching import Dispatcher
from app.messaging.distributing import (
    DISTRIBUTED_COMMAND,
    DISTRIBUTED_EVENT,
    DistributedBus,
    DistributedInbox,
    ServiceMap,
    service_of,
)
from app.messaging.endpoints import Endpoint, Kind
from app.messaging.failing import FailedMessageDesk, Failing
from app.messaging.faults import Faults, place_of
from app.messaging.internals import Internals
from app.messaging.message_types import MessageTypes
from app.messaging.polling import DatabaseChannelConsumer
from app.messaging.projecting import Projections
from app.messaging.propagation import Propagation
from app.messaging.relaying import Relay
from app.messaging.removed_channels import RemovedChannels
from app.messaging.routing import Subscriptions, UniqueRoutes
from app.messaging.transactions import Transactions
from ports.inbound import buses
from ports.inbound.handlers import EventHandler
from ports.messages import Delivery
from ports.outbound.channels import ChannelDeclaration, ChannelKind, MessageChannel
from ports.outbound.message_table import WaitingDeliveries
from ports.outbound.metrics import Metrics
from ports.outbound.serialization import Serialization
from ports.outbound.telemetry import Tracer
from ports.outbound.time import Clock, Identifiers
from ports.outbound.transactions import Store
from ports.outbound.wakeups import WakeUps


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The ports that a runtime stands on."""

    store: Store
    waiting: WaitingDeliveries
    wake_ups: WakeUps
    serialization: Serialization
    clock: Clock
    identifiers: Identifiers
    tracer: Tracer
    metrics: Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a context contributes. Aggregates are classes, all other owners of handlers instances.

    ``senders`` holds, by full name (``<context>.<channel>``), the sending end of every channel that
    the relay feeds: the context's own and those that the service map leads to."""

    aggregates: Sequence[type] = ()
    handlers: Sequence[object] = ()
    services: Mapping[type, object] = field(default_factory=dict)
    channels: Sequence[ChannelDeclaration] = ()
    senders: Mapping[str, MessageChannel] = field(default_factory=dict)
    service_map: ServiceMap = field(default_factory=ServiceMap)


class Runtime:
    def __init__(self, context: str, surroundings: Surroundings, declared: Declared) -> None:
        """Raises:
        CannotStart: with every fault of the declarations.
        """
        self.context = context
        self.store = surroundings.store
        self.clock = surroundings.clock
        self.tracer = surroundings.tracer
        self._surroundings = surroundings
        self.senders = dict(declared.senders)
        self.channels = {f"{context}.{channel.name}": channel for channel in declared.channels}
        # Where messages of other contexts arrive.
        self.distributed_channel = declared.service_map.channels.get(context, "")
        faults = Faults()
        store = surroundings.store
        types = MessageTypes(surroundings.serialization)
        tracer = surroundings.tracer
        self.transactions = Transactions(store)
        self.propagation = Propagation(
            context,
            clock=surroundings.clock,
            identifiers=surroundings.identifiers,
            tracer=tracer,
        )
        dispatcher = Dispatcher(
            channels={name: channel.kind for name, channel in self.channels.items()},
            types=types,
            propagation=self.propagation,
            tracer=tracer,
        )
        internals = Internals(
            context=context,
            store=store,
            transactions=self.transactions,
            types=types,
            propagation=self.propagation,
            dispatcher=dispatcher,
            tracer=tracer,
            clock=surroundings.clock,
        )
        self._internals = internals
        self.commands = CommandBus(internals)
        self.queries = QueryBus(internals)
        self.events = EventBus(internals)
        self.distributed = DistributedBus(internals, declared.service_map)
        compiler = Compiler(
            channels=self.channels,
            context=context,
            services={**self._own_services(), **declared.services},
            serialization=surroundings.serialization,
            types=types,
            faults=faults,
        )
        endpoints, projections = self._compile(compiler, declared)
        check_endpoint_ids(endpoints, faults)
        self._check_channels(declared, faults)
        commands = UniqueRoutes(Kind.COMMAND, endpoints, faults)
        queries = UniqueRoutes(Kind.QUERY, endpoints, faults)
        subscriptions = Subscriptions(endpoints)
        self.commands.open(commands)
        self.queries.open(queries)
        self.events.open(subscriptions)
        compiled = [compiler.projection(projection) for projection in projections]
        faults.raise_any()

        self.endpoints = {endpoint.id: endpoint for endpoint in endpoints}
        self.projections = Projections(internals, compiled)
        unconfirmed = frozenset(
            name for name, sender in self.senders.items() if not sender.confirms
        )
        self._failing = Failing(
            context,
            transactions=self.transactions,
            clock=surroundings.clock,
            unconfirmed=unconfirmed,
        )
        self._services = dict(declared.service_map.channels)
        self.removed_channels = RemovedChannels(
            known=frozenset((*self._queues(), *self.senders)),
            waiting=surroundings.waiting,
            transactions=self.transactions,
            failing=self._failing,
            clock=surroundings.clock,
        )
        self.failed_messages = FailedMessageDesk(
            context,
            transactions=self.transactions,
            clock=surroundings.clock,
            channel_of=self._channel_of,
        )
        self.consumer = Consumer(
            internals,
            endpoints=self.endpoints,
            policies={name: channel.retry for name, channel in self.channels.items()},
            unconfirmed=unconfirmed,
            inbox=DistributedInbox(
                internals,
                commands=commands,
                subscriptions=subscriptions,
                events=self.events,
            ),
            events=self.events,
            failing=self._failing,
            metrics=surroundings.metrics,
        )
        for projection in compiled:
            self.consumer.control(
                projection.endpoint,
                partial(self._run_projection, projection.name),
                poisoned=partial(self._stop_projection, projection.name),
            )
        dispatcher.receive_direct_with(self.consumer.receive_direct)

    def receive(self, delivery: Delivery, hand_overs: int = 0) -> None:
        """What a channel's consumer calls; see :data:`ports.outbound.channels.Receiver`."""
        self.consumer.receive(delivery, hand_overs)

    def _channel_of(self, delivery: Delivery) -> str | None:
        """Where a delivery goes in this release; None: nowhere."""
        endpoint = self.endpoints.get(delivery.endpoint)
        if endpoint is not None and endpoint.channel is not None:
            return endpoint.channel
        if delivery.endpoint in (DISTRIBUTED_COMMAND, DISTRIBUTED_EVENT):
            service = self._services.get(service_of(delivery.channel))
            if service is not None:
                return service
        if delivery.channel in self.removed_channels.known:
            return delivery.channel
        if endpoint is not None or self.consumer.controls(delivery.endpoint):
            # It is called at once now, or is the runtime itself: any channel leads there.
            return self.way_to_itself()
        return None

    def way_to_itself(self) -> str | None:
        """A channel over which this context gets a message from itself."""
        return next(iter(self._queues()), None)

    def _queues(self) -> list[str]:
        return [
            name
            for name, channel in self.channels.items()
            if channel.kind is not ChannelKind.DIRECT
        ]

    def _run_projection(self, name: str, wake_up: Delivery) -> None:
        self.projections.run(name)

    def _stop_projection(self, name: str, wake_up: Delivery, error: Exception) -> None:
        self.projections.stop(name, error)

    def relay(self) -> Relay:
        """A new relay with a lease token of its own."""
        return Relay(
            self.context,
            token=self._surroundings.identifiers.new(),
            waiting=self._surroundings.waiting,
            channels=self.senders,
            projections=self.projections,
            wake_ups=self._surroundings.wake_ups.another(),
            metrics=self._surroundings.metrics,
            failing=self._failing,
            clock=self.clock,
            tracer=self._surroundings.tracer,
        )

    def database_channel_consumer(self, channel: str) -> DatabaseChannelConsumer:
        """``channel`` by its full name."""
        return DatabaseChannelConsumer(
            channel,
            token=self._surroundings.identifiers.new(),
            waiting=self._surroundings.waiting,
            consumer=self.consumer,
            wake_ups=self._surroundings.wake_ups.another(),
            time_limit=self.time_limit,
        )

    def time_limit(self, delivery: Delivery) -> float:
        """Seconds for one try of the delivery's handler, on one of this context's channels."""
        endpoint = self.endpoints.get(delivery.endpoint)
        if endpoint is not None and endpoint.time_limit is not None:
            return endpoint.time_limit.total_seconds()
        return self.channels[delivery.channel].time_limit_seconds

    def _own_services(self) -> dict[type, object]:
        return {
            buses.CommandBus: self.commands,
            buses.QueryBus: self.queries,
            buses.EventBus: self.events,
            buses.DistributedBus: self.distributed,
            Clock: self._surroundings.clock,
            Identifiers: self._surroundings.identifiers,
            Tracer: self._surroundings.tracer,
        }

    def _compile(
        self, compiler: Compiler, declared: Declared
    ) -> tuple[list[Endpoint], list[ProjectionDeclaration]]:
        endpoints: list[Endpoint] = []
        projections: list[ProjectionDeclaration] = []
        aggregates: list[tuple[str, type]] = []
        for cls in declared.aggregates:
            aggregate = aggregate_declaration(cls)
            if aggregate is None:
                compiler.faults.add(
                    place_of(cls),
                    "the class is given as an aggregate but not marked as one",
                    "Mark it with @aggregate(...) or @event_sourced_aggregate(...)",
                )
                continue
            check_repository(aggregate, self.store, compiler.faults)
            aggregates.append((aggregate.mark.name, cls))
            calls = compiler.aggregate_calls(
                aggregate, self._internals, self.events.publish_message
            )
            declarations = handlers_of(cls, None, compiler.faults)
            endpoints += compiler.aggregate_endpoints(aggregate, declarations, calls)
        for target in declared.handlers:
            known = len(compiler.faults)
            declarations = handlers_of(type(target), target, compiler.faults)
            if len(compiler.faults) == known:
                check_owner(target, declarations, compiler.faults)
            projection = projection_declaration(target, declarations)
            if projection is not None:
                projections.append(projection)
            for declaration in declarations:
                if projection is not None and isinstance(declaration.mark, EventHandler):
                    continue
                endpoint = compiler.service_endpoint(declaration)
                if endpoint is not None:
                    endpoints.append(endpoint)
        check_names("the aggregate", aggregates, compiler.faults)
        check_names(
            "the projection",
            [(found.mark.name, type(found.instance)) for found in projections],
            compiler.faults,
        )
        return endpoints, projections

    def _check_channels(self, declared: Declared, faults: Faults) -> None:
        if len(self.channels) < len(declared.channels):
            faults.add(
                f"context {self.context}",
                "two of its channels have the same name",
                "Give one of them another name",
            )
        if self.distributed_channel and self.distributed_channel not in self.channels:
            faults.add(
                f"channel {self.distributed_channel}",
                "by the service map other services reach this one over it, but it is not declared",
                f"Declare it in {self.context}, or correct the map",
            )
        service_map = declared.service_map
        relayed = [
            name
            for name, channel in self.channels.items()
            if channel.kind in (ChannelKind.CELERY, ChannelKind.IN_MEMORY)
        ]
        foreign = [
            channel for service, channel in service_map.channels.items() if service != self.context
        ]
        for name in [*relayed, *foreign]:
            if name not in self.senders:
                faults.add(
                    f"channel {name}",
                    "nothing can send to it",
                    "Give the runtime a sender of that full name",
                )
