"""Load, call, save: how a handler on an aggregate is carried out.

New events are applied to nothing and saved before they are published; their versions follow the
loaded one, so a conflict shows when the unit of work is flushed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from app.messaging.declarations import AggregateDeclaration
from app.messaging.endpoints import Call, Handling
from app.messaging.internals import Internals
from app.messaging.invocation import Parameters, bind
from ports.errors import AggregateNotFound, MissingIdentifier
from ports.headers import AGGREGATE_ID
from ports.inbound.aggregates import RecordsEvents
from ports.messages import Envelope, Message
from ports.outbound.event_store import NewEvent, StoredEvent
from ports.outbound.transactions import UnitOfWork

Publish = Callable[[Message, Envelope | None], None]
Act = Callable[[Any], Any]  # the handler, with all but the aggregate bound


class AggregateCalls:
    """Prepares the calls of one aggregate class. Subclasses know how it is stored."""

    def __init__(
        self,
        declaration: AggregateDeclaration,
        internals: Internals,
        publish: Publish,
    ) -> None:
        self._cls = declaration.cls
        self._name = declaration.mark.name
        self._identifier = declaration.mark.identifier
        self._store = internals.store
        self._types = internals.types
        self._propagation = internals.propagation
        self._publish = publish

    def _unit(self) -> UnitOfWork:
        unit = self._store.current()
        assert unit is not None, "an aggregate is changed inside a unit of work only"
        return unit

    def _identifier_of(self, handling: Handling) -> str:
        message = handling.message
        identifier = message.metadata.headers.get(AGGREGATE_ID)
        if identifier is None:
            identifier = getattr(message.payload, self._identifier, None)
        return self._checked(identifier, message)

    def _checked(self, identifier: object, message: Message) -> str:
        if identifier is None or identifier == "":
            label = message.name or type(message.payload).__qualname__
            raise MissingIdentifier(self._name, label, self._identifier)
        return str(identifier)

    def _as_messages(self, events: Iterable[object]) -> list[Message]:
        messages = []
        for event in events:
            message_type = self._types.of(event)
            messages.append(
                Message(
                    payload=event,
                    name=message_type.name,
                    revision=message_type.revision,
                    metadata=self._propagation.next_metadata(),
                )
            )
        return messages

    def factory(self, function: Callable[..., Any], parameters: Parameters) -> Call:
        raise NotImplementedError

    def action(
        self,
        function: Callable[..., Any],
        parameters: Parameters,
        *,
        drop_on_not_found: bool,
        otherwise: Call | None,
    ) -> Call:
        """``otherwise`` is the factory for the same message, called when nothing is found."""
        invoke = bind(function, parameters)

        def call(handling: Handling) -> object:
            identifier = self._identifier_of(handling)
            loaded = self._load(self._unit(), identifier)
            if loaded is not None:
                payload = handling.message.payload
                return self._act(
                    lambda aggregate: invoke(aggregate, payload, handling), loaded, identifier
                )
            if otherwise is not None:
                return otherwise(handling)
            if drop_on_not_found:
                return None
            raise AggregateNotFound(self._name, identifier)

        return call

    def _act(self, call: Act, loaded: tuple[Any, int], identifier: str) -> object:
        """Let the loaded aggregate decide, keep what it decided, and give the handler's answer."""
        raise NotImplementedError

    def question(self, function: Callable[..., Any], parameters: Parameters) -> Call:
        """A query handler: load and call, save nothing."""
        invoke = bind(function, parameters)

        def call(handling: Handling) -> object:
            identifier = self._identifier_of(handling)
            unit = self._store.current()
            if unit is not None:
                return invoke(
                    self._load_or_raise(unit, identifier), handling.message.payload, handling
                )
            unit = self._store.begin()
            try:
                aggregate = self._load_or_raise(unit, identifier)
            finally:
                unit.rollback()
            return invoke(aggregate, handling.message.payload, handling)

        return call

    def _load_or_raise(self, unit: UnitOfWork, identifier: str) -> object:
        loaded = self._load(unit, identifier)
        if loaded is None:
            raise AggregateNotFound(self._name, identifier)
        return loaded[0]

    def _load(self, unit: UnitOfWork, identifier: str) -> tuple[Any, int] | None:
        raise NotImplementedError


class StateStoredCalls(AggregateCalls):
    def factory(self, function: Callable[..., Any], parameters: Parameters) -> Call:
        invoke = bind(function, parameters)

        def call(handling: Handling) -> object:
            aggregate = invoke(self._cls, handling.message.payload, handling)
            if aggregate is None:
                return None
            identifier = self._checked(getattr(aggregate, self._identifier, None), handling.message)
            self._save(identifier, aggregate, 0)
            return identifier

        return call

    def _act(self, call: Act, loaded: tuple[Any, int], identifier: str) -> object:
        aggregate, version = loaded
        result = call(aggregate)
        self._save(identifier, aggregate, version)
        return result

    def _load(self, unit: UnitOfWork, identifier: str) -> tuple[Any, int] | None:
        loaded = unit.aggregates(self._name).find(identifier)
        return None if loaded is None else (loaded.aggregate, loaded.version)

    def _save(self, identifier: str, aggregate: object, version: int) -> None:
        self._unit().aggregates(self._name).save(identifier, aggregate, expected_version=version)
        if isinstance(aggregate, RecordsEvents):
            for message in self._as_messages(aggregate.pull_events()):
                self._publish(message, None)


class EventSourcedCalls(AggregateCalls):
    def __init__(
        self,
        declaration: AggregateDeclaration,
        internals: Internals,
        publish: Publish,
        apply: Mapping[type, Sequence[Callable[[Any, Any], None]]],
    ) -> None:
        super().__init__(declaration, internals, publish)
        self._stream = declaration.mark.stream
        self._apply = dict(apply)
        self._methods_of: dict[type, Sequence[Callable[[Any, Any], None]]] = {}

    def factory(self, function: Callable[..., Any], parameters: Parameters) -> Call:
        invoke = bind(function, parameters)

        def call(handling: Handling) -> object:
            events = list(invoke(self._cls, handling.message.payload, handling) or ())
            if not events:
                return None
            # The identifier is the aggregate's own: a factory may have minted it.
            aggregate = self._cls()
            for event in events:
                self._fold(aggregate, event)
            identifier = self._checked(getattr(aggregate, self._identifier, None), handling.message)
            self._append(identifier, 0, events)
            return identifier

        return call

    def _act(self, call: Act, loaded: tuple[Any, int], identifier: str) -> object:
        aggregate, version = loaded
        events = list(call(aggregate) or ())
        if events:
            self._append(identifier, version, events)
        return events

    def _load(self, unit: UnitOfWork, identifier: str) -> tuple[Any, int] | None:
        stored = unit.events.load(self._stream, self._name, identifier)
        if not stored:
            return None
        aggregate = self._cls()
        for event in stored:
            self._replay(aggregate, event)
        return aggregate, stored[-1].version

    def _replay(self, aggregate: object, stored: StoredEvent) -> None:
        message_type = self._types.named(stored.envelope.name)
        # An event that no method applies carries nothing that the rules need.
        if message_type is None or message_type.codec is None:
            return
        methods = self._methods(message_type.cls)
        if methods:
            event = message_type.codec.decode(stored.envelope.payload)
            for apply in methods:
                apply(aggregate, event)

    def _fold(self, aggregate: object, event: object) -> None:
        for apply in self._methods(type(event)):
            apply(aggregate, event)

    def _methods(self, cls: type) -> Sequence[Callable[[Any, Any], None]]:
        methods = self._methods_of.get(cls)
        if methods is None:
            methods = self._methods_of[cls] = [
                method
                for parent, found in self._apply.items()
                if issubclass(cls, parent)
                for method in found
            ]
        return methods

    def _append(self, identifier: str, version: int, events: Sequence[object]) -> None:
        messages = self._as_messages(events)
        envelopes = [self._types.encode(message) for message in messages]
        self._unit().events.append(
            [
                NewEvent(
                    stream=self._stream,
                    aggregate=self._name,
                    aggregate_id=identifier,
                    version=version + index,
                    envelope=envelope,
                )
                for index, envelope in enumerate(envelopes, start=1)
            ]
        )
        for message, envelope in zip(messages, envelopes, strict=True):
            self._publish(message, envelope)
