"""Receiving a delivery: what stands around an asynchronous handler.

From the outside in: span, acknowledgement (by returning), capture of errors after the rollback,
decoding, instant retries each in a fresh transaction, the delivery row, the handler. A receiver
returns only when an outcome is committed; while the store is away it raises, and the message is
handed over again.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from time import perf_counter

from app.messaging.buses import EventBus
from app.messaging.distributing import (
    DISTRIBUTED_COMMAND,
    DISTRIBUTED_EVENT,
    DistributedInbox,
)
from app.messaging.endpoints import Endpoint, Handling
from app.messaging.failing import Failing, is_hopeless
from app.messaging.handing_over import delivery_attributes, waiting_attributes
from app.messaging.internals import Internals
from ports.errors import (
    AlreadyDelivered,
    ConcurrencyConflict,
    PoisonousMessage,
    StoreUnavailable,
    UnknownEndpoint,
    UnreadableMessage,
)
from ports.headers import UNREADABLE
from ports.inbound.delivery import RetryPolicy
from ports.messages import Delivery, Message
from ports.outbound.deliveries import DeliveryState
from ports.outbound.message_table import Leased
from ports.outbound.metrics import Metrics
from ports.outbound.telemetry import Span, SpanKind
from ports.outbound.transactions import UnitOfWork

logger = logging.getLogger(__name__)

# Repeated hand-overs without an outcome before a message counts as poisonous.
MOST_HAND_OVERS = 4
# Instant retries after a conflict, even where the policy has fewer for other errors.
CONFLICT_RETRIES = 3

# While a release is rolled out, a worker of the one before may get what only a newer one knows.
# After these 75 seconds nobody does.
UNKNOWN_ENDPOINT = RetryPolicy(instant=0, delayed=4, first_delay=timedelta(seconds=5), factor=2.0)

Control = Callable[[Delivery], object]
Poisoned = Callable[[Delivery, Exception], object]
Handle = Callable[[Delivery], object]


class Consumer:
    def __init__(
        self,
        internals: Internals,
        *,
        endpoints: Mapping[str, Endpoint],
        policies: Mapping[str, RetryPolicy],
        unconfirmed: frozenset[str],
        inbox: DistributedInbox,
        events: EventBus,
        failing: Failing,
        metrics: Metrics,
    ) -> None:
        self._context = internals.context
        self._endpoints = endpoints
        self._policies = policies
        self._unconfirmed = unconfirmed
        self._inbox = inbox
        self._transactions = internals.transactions
        self._dispatcher = internals.dispatcher
        self._types = internals.types
        self._propagation = internals.propagation
        self._tracer = internals.tracer
        self._clock = internals.clock
        self._events = events
        self._failing = failing
        self._metrics = metrics
        self._controls: dict[str, tuple[Control, Poisoned | None]] = {}

    def control(
        self,
        endpoint: str,
        action: Control,
        *,
        poisoned: Poisoned | None = None,
    ) -> None:
        """Let the runtime itself be reached over its channels: no retries; the action looks after
        its own transactions and may run twice. ``poisoned`` is called when it seems to kill the
        process that it runs in."""
        self._controls[endpoint] = (action, poisoned)

    def controls(self, endpoint: str) -> bool:
        return endpoint in self._controls

    def receive(
        self, delivery: Delivery, hand_overs: int = 0, *, leased: Leased | None = None
    ) -> str:
        """Handle one delivery and return its outcome: ``done``, ``duplicate``, ``expired``,
        ``retried`` or ``failed``. ``leased`` is the row that goes with the outcome, on a database
        channel.

        Raises:
            StoreUnavailable: no outcome could be committed; hand it over again later.
        """
        if delivery.endpoint in self._controls:
            return self._controlled(delivery, hand_overs, leased)
        started = perf_counter()
        outcome = self._received(delivery, hand_overs, leased)
        self._metrics.delivery(
            context=self._context,
            channel=delivery.channel,
            endpoint=delivery.endpoint,
            outcome=outcome,
        )
        self._metrics.handled(
            context=self._context,
            endpoint=delivery.endpoint,
            seconds=perf_counter() - started,
        )
        return outcome

    def _received(self, delivery: Delivery, hand_overs: int, leased: Leased | None) -> str:
        if delivery.expires_at is not None and delivery.expires_at <= self._clock.now():
            self._forget(leased)
            return "expired"
        try:
            if hand_overs and not self._worth_another_try(delivery):
                self._forget(leased)
                return "duplicate"
            with self._span(delivery, leased) as span:
                try:
                    self._handle(delivery, leased)
                except (AlreadyDelivered, StoreUnavailable):
                    raise
                except Exception as raised:  # noqa: BLE001 - every error becomes an outcome
                    error = raised.error if isinstance(raised, _StoreAway) else raised
                    if span is not None:
                        span.fail(error)
                    return self._failed(delivery, error, leased, span.trace if span else "")
        except AlreadyDelivered as already:
            logger.info(
                "delivery was done before",
                extra={"message_id": already.message_id, "endpoint": already.endpoint},
            )
            self._forget(leased)
            return "duplicate"
        except PoisonousMessage as poison:
            return self._failed(delivery, poison, leased, "")
        return "done"

    def _controlled(self, delivery: Delivery, hand_overs: int, leased: Leased | None) -> str:
        action, poisoned = self._controls[delivery.endpoint]
        try:
            if hand_overs and not self._worth_another_try(delivery):
                self._forget(leased)
                return "duplicate"
        except PoisonousMessage as poison:
            if poisoned is not None:
                poisoned(delivery, poison)
            return self._failed(delivery, poison, leased, "")
        action(delivery)
        if hand_overs or delivery.attempt > 1:
            self._close(delivery, leased)
        else:
            self._forget(leased)
        return "done"

    def _close(self, delivery: Delivery, leased: Leased | None) -> None:
        """Settle the row that repeated hand-overs and attempts have left."""
        try:
            self._transactions.apart(lambda unit: self._settle(unit, delivery, leased))
        except AlreadyDelivered:
            self._forget(leased)

    def receive_direct(self, delivery: Delivery) -> None:
        """Handle a delivery of a direct channel in the sender's transaction: no delivery row, no
        retries, and an error is the sender's."""
        handle, _ = self._prepared(delivery)
        handle(delivery)

    def give_up(self, delivery: Delivery, error: Exception) -> str:
        """Fail a delivery whose handler may still be running, because it took too long or was
        revoked; if the handler ends after all, its commit loses. May be called from another thread
        or process than the handler's."""
        return self._failing.fail(delivery, error, self._policy(delivery))

    def reject(self, channel: str, raw: bytes, error: Exception) -> None:
        """Park what is no message of ours, with the reason."""
        self._failing.reject(channel, raw, error)
        self._metrics.delivery(
            context=self._context, channel=channel, endpoint="", outcome="rejected"
        )

    def _worth_another_try(self, delivery: Delivery) -> bool:
        """Counted and committed before the handler runs, so that a message which kills its process
        every time ends as a failed message.

        Raises:
            PoisonousMessage
        """
        count = self._transactions.apart(lambda unit: unit.deliveries.count_hand_over(delivery))
        if count > MOST_HAND_OVERS:
            raise PoisonousMessage(delivery.envelope.metadata.id, delivery.endpoint, count)
        return count > 0

    def _handle(self, delivery: Delivery, leased: Leased | None) -> None:
        if UNREADABLE in delivery.envelope.metadata.headers:
            raise UnreadableMessage("its headers are not what was written: no JSON object")
        handle, outside = self._prepared(delivery)
        if outside:
            self._handle_outside(delivery, handle, leased)
            return

        def in_transaction(unit: UnitOfWork) -> None:
            self._settle(unit, delivery, leased)
            _call(handle, delivery)

        policy = self._policy(delivery)
        tries = 0
        while True:
            try:
                self._transactions.once(in_transaction)
                return
            except (AlreadyDelivered, StoreUnavailable):
                raise
            except Exception as error:
                tries += 1
                conflict = isinstance(error, ConcurrencyConflict)
                allowed = max(policy.instant, CONFLICT_RETRIES) if conflict else policy.instant
                if tries > allowed or isinstance(error, _StoreAway) or is_hopeless(error, policy):
                    raise

    def _handle_outside(self, delivery: Delivery, handle: Handle, leased: Leased | None) -> None:
        record = self._transactions.apart(
            lambda unit: unit.deliveries.find(delivery.envelope.metadata.id, delivery.endpoint)
        )
        if record is not None and (
            record.state is not DeliveryState.WAITING or record.attempt > delivery.attempt
        ):
            raise AlreadyDelivered(delivery.envelope.metadata.id, delivery.endpoint)
        events = _as_events(_call(handle, delivery))

        def settle(unit: UnitOfWork) -> None:
            self._settle(unit, delivery, leased)
            token = self._propagation.enter(self._handling(delivery))
            try:
                for event in events:
                    self._events.publish(event)
            finally:
                self._propagation.leave(token)

        # A conflict repeats this transaction only: what was done outside is not done again.
        self._transactions.apart(settle)

    def _settle(self, unit: UnitOfWork, delivery: Delivery, leased: Leased | None) -> None:
        unit.deliveries.done(delivery)
        if leased is not None:
            unit.messages.consume(leased)
        if delivery.channel in self._unconfirmed:
            unit.messages.settle(delivery)
        if delivery.attempt > 1:
            self._failing.note_success(unit, delivery)

    def _prepared(self, delivery: Delivery) -> tuple[Handle, bool]:
        """Raises:
        UnknownEndpoint
        """
        if delivery.endpoint == DISTRIBUTED_COMMAND:
            return self._take_command, False
        if delivery.endpoint == DISTRIBUTED_EVENT:
            return self._take_event, False
        endpoint = self._endpoints.get(delivery.endpoint)
        if endpoint is None:
            raise UnknownEndpoint(delivery.endpoint, self._context)
        return (
            lambda found: self._dispatcher.handle(endpoint, self._handling(found)),
            endpoint.outside,
        )

    def _handling(self, delivery: Delivery) -> Handling:
        envelope = delivery.envelope
        endpoint = self._endpoints.get(delivery.endpoint)
        unread = endpoint is not None and not endpoint.payload_types
        if unread and self._types.named(envelope.name) is None:
            # Heard by name only: its class may be unknown here.
            message = Message(
                payload=None,
                name=envelope.name,
                revision=envelope.revision,
                metadata=envelope.metadata,
            )
        else:
            message = self._types.decode(envelope)
        return Handling(message, delivery.attempt, delivery.replayed)

    def _take_command(self, delivery: Delivery) -> None:
        self._inbox.take_command(
            delivery.envelope, attempt=delivery.attempt, replayed=delivery.replayed
        )

    def _take_event(self, delivery: Delivery) -> None:
        self._inbox.take_event(
            delivery.envelope, attempt=delivery.attempt, replayed=delivery.replayed
        )

    def _failed(
        self, delivery: Delivery, error: Exception, leased: Leased | None, trace: str
    ) -> str:
        unknown = isinstance(error, UnknownEndpoint)
        policy = UNKNOWN_ENDPOINT if unknown else self._policy(delivery)
        outcome = self._failing.fail(delivery, error, policy, trace=trace, leased=leased)
        if outcome != "duplicate":
            logger.warning(
                "delivery failed",
                extra={
                    "message_id": delivery.envelope.metadata.id,
                    "endpoint": delivery.endpoint,
                    "attempt": delivery.attempt,
                    "outcome": outcome,
                    "error": type(error).__name__,
                },
            )
        return outcome

    def _policy(self, delivery: Delivery) -> RetryPolicy:
        endpoint = self._endpoints.get(delivery.endpoint)
        if endpoint is not None:
            return endpoint.retry
        return self._policies.get(delivery.channel) or RetryPolicy()

    def _forget(self, leased: Leased | None) -> None:
        """Take a row that needs no handling any more out of a database channel."""
        if leased is None:
            return
        try:
            self._transactions.apart(lambda unit: unit.messages.consume(leased))
        except AlreadyDelivered:
            logger.info("row was taken over", extra={"row_id": leased.row_id})

    def _span(
        self, delivery: Delivery, leased: Leased | None
    ) -> AbstractContextManager[Span | None]:
        if not self._tracer.recording:
            return nullcontext()
        attributes = delivery_attributes(delivery)
        if leased is not None:
            attributes |= waiting_attributes(leased, self._clock.now())
        return self._tracer.span(
            f"Receiving from channel: {delivery.channel}",
            kind=SpanKind.CONSUMER,
            parent=delivery.hand_over_trace or delivery.envelope.metadata.trace or None,
            links=(delivery.replay_trace,) if delivery.replay_trace else (),
            attributes=attributes,
        )


class _StoreAway(Exception):
    """A handler found a store away, perhaps another than ours. If it is ours, the failure cannot be
    recorded either, and the message goes back."""

    def __init__(self, error: StoreUnavailable) -> None:
        super().__init__(str(error))
        self.error = error


def _call(handle: Handle, delivery: Delivery) -> object:
    try:
        return handle(delivery)
    except StoreUnavailable as error:
        raise _StoreAway(error) from error


def _as_events(returned: object) -> Iterable[object]:
    if returned is None:
        return ()
    return returned if isinstance(returned, (list, tuple)) else (returned,)
