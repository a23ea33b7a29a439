"""What becomes of a delivery that failed, and what an operator can do about it.

The failure transaction comes after the handler's own was rolled back. It moves the delivery by
compare and set, and only if it wins does it write the retry or the failed message.
"""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from app.messaging.distributing import DISTRIBUTED_COMMAND, DISTRIBUTED_EVENT, service_of
from app.messaging.transactions import Transactions
from ports.errors import (
    AlreadyDelivered,
    ConcurrencyConflict,
    ConversionFailed,
    MissingHeader,
    NoHandler,
    NoSuchFailedMessage,
    PoisonousMessage,
    Refusal,
    StoreUnavailable,
    ThicketError,
    UnknownEndpoint,
    UnreadableMessage,
)
from ports.inbound.delivery import RetryPolicy
from ports.messages import Delivery
from ports.outbound.failed_messages import Attempt, FailedMessage, Failure, failed_message_id
from ports.outbound.message_table import Leased
from ports.outbound.time import Clock
from ports.outbound.transactions import UnitOfWork

LONGEST_REASON = 2_000  # characters
LONGEST_STACK_TRACE = 64_000  # characters
LARGEST_RAW_MESSAGE = 256_000  # bytes

# Asking again gives the same answer.
_HOPELESS = (
    Refusal,
    UnreadableMessage,
    ConversionFailed,
    MissingHeader,
    NoHandler,
    PoisonousMessage,
)


class CannotReplay(ThicketError):
    def __init__(self, failed_message_id: str, reason: str) -> None:
        super().__init__(f"failed message {failed_message_id} cannot be replayed: {reason}")
        self.failed_message_id = failed_message_id
        self.reason = reason


def is_hopeless(error: BaseException, policy: RetryPolicy) -> bool:
    """Whether trying again is known to be of no use. A conflict, or a store that is away, is never
    the message's fault, whatever the policy narrows retries down to; nor is an endpoint that only a
    newer worker knows."""
    worth_it = (*policy.only, ConcurrencyConflict, StoreUnavailable)
    if isinstance(error, UnknownEndpoint):
        return False
    return isinstance(error, _HOPELESS) or not isinstance(error, worth_it)


def describe(error: BaseException, *, clock: Clock, trace: str) -> Failure:
    """An exception as it is kept: bounded, and as text."""
    cls = type(error)
    module = "" if cls.__module__ == "builtins" else f"{cls.__module__}."
    stack = "".join(traceback.format_exception(error))
    if len(stack) > LONGEST_STACK_TRACE:
        half = LONGEST_STACK_TRACE // 2
        stack = (
            f"{stack[:half]}\n... {len(stack) - 2 * half} characters left out ...\n{stack[-half:]}"
        )
    return Failure(
        exception=f"{module}{cls.__qualname__}",
        reason=_text_of(error)[:LONGEST_REASON],
        stack_trace=stack,
        failed_at=clock.now(),
        trace=trace,
    )


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as worse:  # noqa: BLE001 - an error that cannot be put into words is kept too
        return f"its text cannot be read: {type(worse).__name__}"


class Failing:
    def __init__(
        self,
        context: str,
        *,
        transactions: Transactions,
        clock: Clock,
        unconfirmed: frozenset[str],
    ) -> None:
        self._context = context
        self._transactions = transactions
        self._clock = clock
        self._unconfirmed = unconfirmed

    def fail(
        self,
        delivery: Delivery,
        error: BaseException,
        policy: RetryPolicy,
        *,
        trace: str = "",
        leased: Leased | None = None,
    ) -> str:
        """Let it wait for its next retry, or park it. What came of it: ``retried``, ``failed``, or
        ``duplicate`` when another outcome was first."""
        failure = describe(error, clock=self._clock, trace=trace)
        retry = delivery.attempt - delivery.first_attempt + 1
        failed = is_hopeless(error, policy) or retry > policy.delayed

        def settle(unit: UnitOfWork) -> str:
            if leased is not None:
                unit.messages.consume(leased)
            if delivery.channel in self._unconfirmed:
                unit.messages.settle(delivery)
            if failed:
                return "failed" if self.park(unit, delivery, failure) else "duplicate"
            if not unit.deliveries.advance(delivery, failed=False):
                return "duplicate"
            unit.messages.add(
                replace(
                    delivery,
                    attempt=delivery.attempt + 1,
                    available_at=failure.failed_at + policy.delay_before(retry),
                    # It came in time; dropping the retry would hide the failure.
                    expires_at=None,
                )
            )
            self._note(unit, delivery, "retried", failure)
            return "retried"

        try:
            return self._transactions.apart(settle)
        except AlreadyDelivered:
            return "duplicate"

    def park(
        self, unit: UnitOfWork, delivery: Delivery, failure: Failure, *, actor: str = ""
    ) -> bool:
        """Make it a failed message in this transaction; False: another outcome was first. What was
        to leave for another service has its delivery row there, and none here."""
        outgoing = is_outgoing(delivery, self._context)
        if not outgoing and not unit.deliveries.advance(delivery, failed=True):
            return False
        unit.failed_messages.park(parked(delivery, failure, context=self._context))
        self._note(unit, delivery, "failed", failure, actor=actor)
        return True

    def _note(
        self,
        unit: UnitOfWork,
        delivery: Delivery,
        outcome: str,
        failure: Failure,
        *,
        actor: str = "",
    ) -> None:
        unit.failed_messages.note_attempt(
            failed_id(delivery, self._context),
            Attempt(
                attempt=delivery.attempt,
                outcome=outcome,
                at=failure.failed_at,
                reason=f"{failure.exception}: {failure.reason}"[:LONGEST_REASON],
                actor=actor,
                trace=failure.trace,
            ),
        )

    def note_success(self, unit: UnitOfWork, delivery: Delivery) -> None:
        """Close the history of a delivery that had failed before."""
        unit.failed_messages.note_attempt(
            failed_id(delivery, self._context),
            Attempt(attempt=delivery.attempt, outcome="done", at=self._clock.now()),
        )

    def reject(self, channel: str, raw: bytes, error: BaseException) -> None:
        """Park what could not even be decoded. The same bytes again replace the earlier ones."""
        digest = sha256(raw).hexdigest()
        failure = describe(error, clock=self._clock, trace="")
        failed = FailedMessage(
            id=failed_message_id(digest, channel),
            channel=channel,
            endpoint="",
            message_id="",
            failure=failure,
            raw=raw[:LARGEST_RAW_MESSAGE],
        )
        self._transactions.apart(lambda unit: unit.failed_messages.park(failed))


def is_outgoing(delivery: Delivery, context: str) -> bool:
    """Whether it is on its way to another service: channels begin with the name of theirs."""
    distributed = delivery.endpoint in (DISTRIBUTED_COMMAND, DISTRIBUTED_EVENT)
    return distributed and service_of(delivery.channel) != context


def failed_id(delivery: Delivery, context: str) -> str:
    endpoint = delivery.endpoint
    if is_outgoing(delivery, context):
        # An event leaves for several services under one id and the same endpoint.
        endpoint = f"{endpoint}\n{service_of(delivery.channel)}"
    return failed_message_id(delivery.envelope.metadata.id, endpoint)


def parked(delivery: Delivery, failure: Failure, *, context: str) -> FailedMessage:
    return FailedMessage(
        id=failed_id(delivery, context),
        channel=delivery.channel,
        endpoint=delivery.endpoint,
        message_id=delivery.envelope.metadata.id,
        failure=failure,
        delivery=delivery,
    )


class FailedMessageDesk:
    """What an operator does with failed messages. Each call is one transaction, or joins one; done
    twice, the second finds nothing and says so."""

    def __init__(
        self,
        context: str,
        *,
        transactions: Transactions,
        clock: Clock,
        channel_of: Callable[[Delivery], str | None],
    ) -> None:
        """``channel_of`` says where a delivery goes now: its handler may have moved to another
        channel meanwhile. None: nowhere."""
        self._context = context
        self._transactions = transactions
        self._clock = clock
        self._channel_of = channel_of

    def replay(
        self,
        failed_message_id: str,
        *,
        actor: str,
        reason: str = "",
        trace: str = "",
        failed_before: datetime | None = None,
    ) -> None:
        """Hand it over again under the same id, with a higher attempt and the replayed mark. It
        stays in its original trace, linked to ``trace``. ``failed_before`` leaves alone what failed
        (again) since then.

        Raises:
            NoSuchFailedMessage, CannotReplay
        """

        def once(unit: UnitOfWork) -> None:
            failed = unit.failed_messages.take(failed_message_id)
            if failed_before is not None and failed.failure.failed_at >= failed_before:
                raise NoSuchFailedMessage(failed_message_id)
            delivery = failed.delivery
            if delivery is None:
                raise CannotReplay(
                    failed_message_id,
                    "it could not be read when it arrived, so there is nothing to hand over again; "
                    "delete it when its sender was mended",
                )
            channel = self._channel_of(delivery)
            if channel is None:
                raise CannotReplay(
                    failed_message_id,
                    f"nobody takes messages from {delivery.channel} any more, and this release has "
                    f"no endpoint {delivery.endpoint}; delete it, or bring one of them back",
                )
            attempt = unit.deliveries.reopen(failed.message_id, failed.endpoint)
            if attempt is None and is_outgoing(delivery, self._context):
                attempt = delivery.attempt + 1
            if attempt is None:
                raise NoSuchFailedMessage(failed_message_id)
            unit.messages.add(
                replace(
                    delivery,
                    channel=channel,
                    attempt=attempt,
                    first_attempt=attempt,
                    replayed=True,
                    replay_trace=trace,
                    available_at=None,
                    expires_at=None,
                )
            )
            self._note(unit, failed_message_id, attempt, "replayed", actor, reason, trace)

        self._transactions.run(once)

    def replay_all(self, *, actor: str, reason: str = "", trace: str = "", batch: int = 100) -> int:
        """Every failed message that failed before this call, in bounded transactions; how many.
        Killed midway, a second call goes on with what is left."""
        started = self._clock.now()
        replayed, last = 0, ""
        while True:
            ids = self._transactions.once(
                lambda unit, last=last: unit.failed_messages.oldest(after=last, limit=batch)  # type: ignore[misc]
            )
            replayed += self.for_each(
                ids,
                lambda found: self.replay(
                    found, actor=actor, reason=reason, trace=trace, failed_before=started
                ),
            )
            if len(ids) < batch:
                return replayed
            last = ids[-1]

    def for_each(self, ids: Sequence[str], act: Callable[[str], None]) -> int:
        """Do it to all in one transaction, or, where one of them refuses, to each in its own; how
        many did not refuse."""

        def together(_: UnitOfWork) -> int:
            for found in ids:
                act(found)
            return len(ids)

        try:
            return self._transactions.apart(together)
        except (NoSuchFailedMessage, CannotReplay):
            return sum(self._allowed(found, act) for found in ids)

    @staticmethod
    def _allowed(found: str, act: Callable[[str], None]) -> bool:
        try:
            act(found)
        except (NoSuchFailedMessage, CannotReplay):
            return False
        return True

    def delete(self, failed_message_id: str, *, actor: str, reason: str) -> None:
        """Raises:
        NoSuchFailedMessage
        """

        def once(unit: UnitOfWork) -> None:
            unit.failed_messages.delete(failed_message_id, at=self._clock.now())
            self._note(unit, failed_message_id, 0, "deleted", actor, reason, "")

        self._transactions.run(once)

    def restore(self, failed_message_id: str, *, actor: str, reason: str = "") -> None:
        """Raises:
        NoSuchFailedMessage
        """

        def once(unit: UnitOfWork) -> None:
            unit.failed_messages.restore(failed_message_id)
            self._note(unit, failed_message_id, 0, "restored", actor, reason, "")

        self._transactions.run(once)

    def _note(
        self,
        unit: UnitOfWork,
        failed_message_id: str,
        attempt: int,
        outcome: str,
        actor: str,
        reason: str,
        trace: str,
    ) -> None:
        unit.failed_messages.note_attempt(
            failed_message_id,
            Attempt(
                attempt=attempt,
                outcome=outcome,
                at=self._clock.now(),
                actor=actor,
                reason=reason,
                trace=trace,
            ),
        )
