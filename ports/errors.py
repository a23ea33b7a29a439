"""Every error of the runtime, on one page.

Three questions decide the base class: is it a rule that said no (``Refusal``, never retried), is it
a fault that may pass (``Unavailable``, retried), or a mistake that waits for a person?
"""

from collections.abc import Sequence
from dataclasses import dataclass


class ThicketError(Exception):
    """Root of everything that the product raises on purpose."""


class Refusal(ThicketError):
    """A rule said no. Asking again gives the same answer, so it is never retried."""


class Unavailable(ThicketError):
    """Something outside did not answer. Asking again later may help."""


class StoreUnavailable(Unavailable):
    """The database did not answer; nothing of the transaction was kept."""


class CommitOutcomeUnknown(StoreUnavailable):
    """The connection broke while committing: the effects may or may not be there."""


class ChannelUnavailable(Unavailable):
    def __init__(self, channel: str, reason: str) -> None:
        super().__init__(f"channel {channel} cannot be reached: {reason}")
        self.channel = channel


class ChannelRefused(Refusal):
    """A message is too large for its channel, or holds what has no form there."""

    def __init__(self, channel: str) -> None:
        super().__init__(
            f"channel {channel} cannot carry the message: it is too large, or one of its headers "
            "holds what no channel takes; the relay's log has the details"
        )
        self.channel = channel


class ChannelRemoved(Refusal):
    """A message waited for a channel that no longer exists, and an operator gave it up."""

    def __init__(self, channel: str, reason: str) -> None:
        super().__init__(f"channel {channel} was removed: no endpoint declares it; {reason}")
        self.channel = channel


class ChannelIsDeclared(Refusal):
    def __init__(self, channel: str) -> None:
        super().__init__(
            f"channel {channel} is declared: its messages are taken, and none of them is rejected"
        )
        self.channel = channel


class MailUnavailable(Unavailable):
    """The mail server refused the connection or answered with a passing error."""


class MailRefused(Refusal):
    """The mail server will never take this mail: its address or its text is refused for good."""


class ConcurrencyConflict(ThicketError):
    """Somebody else changed the same aggregate first. A fresh attempt usually succeeds."""

    def __init__(self, aggregate: str, identifier: str, expected_version: int) -> None:
        super().__init__(
            f"{aggregate} {identifier} is no longer at version {expected_version}; load it again"
        )
        self.aggregate = aggregate
        self.identifier = identifier
        self.expected_version = expected_version


class TransactionSpoiled(ThicketError):
    """A part of the transaction failed after it had written something, and its error was caught:
    committing would keep half of that part, so nothing can be kept."""

    def __init__(self) -> None:
        super().__init__(
            "a part of this transaction failed after it had written something, and the error was "
            "caught: nothing can be kept; let the error pass, or ask before you send"
        )


class AlreadyDelivered(ThicketError):
    """This delivery was done before, or a later attempt took over; there is nothing to do."""

    def __init__(self, message_id: str, endpoint: str) -> None:
        super().__init__(f"message {message_id} was already delivered to {endpoint}")
        self.message_id = message_id
        self.endpoint = endpoint


class AggregateNotFound(Refusal):
    def __init__(self, aggregate: str, identifier: str) -> None:
        super().__init__(f"there is no {aggregate} {identifier}")
        self.aggregate = aggregate
        self.identifier = identifier


class MissingIdentifier(Refusal):
    def __init__(self, aggregate: str, message: str, attribute: str) -> None:
        super().__init__(
            f"{message} does not say which {aggregate} it is for: set its attribute "
            f"{attribute!r} or the header 'aggregate_id'"
        )
        self.aggregate = aggregate
        self.message = message


class NoHandler(ThicketError):
    def __init__(self, message: str, kind: str) -> None:
        super().__init__(
            f"no {kind} handler for {message}: mark a method with @{kind}_handler and give its "
            "class to the runtime"
        )
        self.message = message
        self.kind = kind


class MissingHeader(ThicketError):
    def __init__(self, header: str, endpoint: str) -> None:
        super().__init__(f"{endpoint} needs the header {header!r}, which the message lacks")
        self.header = header
        self.endpoint = endpoint


class HeaderIsReserved(ThicketError):
    """The runtime fills it in: a handler that asks for it would never see what was given."""

    def __init__(self, header: str) -> None:
        super().__init__(f"the header {header!r} is filled in by the runtime; take another name")
        self.header = header


class MissingService(ThicketError):
    def __init__(self, service: str) -> None:
        super().__init__(f"no service {service} was given to the runtime")
        self.service = service


class ConversionFailed(ThicketError):
    def __init__(self, target: str, reason: str) -> None:
        super().__init__(f"cannot convert to {target}: {reason}")
        self.target = target


class UnreadableMessage(ThicketError):
    """What came from a channel is no message of ours, or not one that this release understands."""


class UnknownEndpoint(UnreadableMessage):
    def __init__(self, endpoint: str, context: str) -> None:
        super().__init__(f"{context} has no endpoint {endpoint!r}; was it renamed or removed?")
        self.endpoint = endpoint
        self.context = context


class PoisonousMessage(ThicketError):
    """The message was handed over too often without an outcome: it seems to kill its worker."""

    def __init__(self, message_id: str, endpoint: str, deliveries: int) -> None:
        super().__init__(
            f"message {message_id} for {endpoint} was handed over {deliveries} times without an "
            "outcome"
        )
        self.deliveries = deliveries


class DeliveryTimedOut(ThicketError):
    def __init__(self, endpoint: str, seconds: float) -> None:
        super().__init__(f"{endpoint} did not finish within {seconds:g} s")
        self.endpoint = endpoint


class DeliveryRevoked(Refusal):
    """An operator revoked the delivery on the broker, before or while it was handled."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(f"the delivery for {endpoint} was revoked on the broker")
        self.endpoint = endpoint


class OutsideCallInTransaction(ThicketError):
    """A port that reaches outside was used inside a transaction."""

    def __init__(self, port: str) -> None:
        super().__init__(
            f"{port} reaches outside and must not run inside a transaction: mark the handler "
            "with @outside()"
        )
        self.port = port


class UnknownService(ThicketError):
    def __init__(self, service: str) -> None:
        super().__init__(f"the service map knows no service {service!r}")
        self.service = service


class NoSuchFailedMessage(ThicketError):
    def __init__(self, failed_message_id: str, *, deleted: bool = False) -> None:
        super().__init__(
            f"there is no deleted failed message {failed_message_id}; it waits, or was purged"
            if deleted
            else f"there is no failed message {failed_message_id}; perhaps it was replayed"
        )
        self.failed_message_id = failed_message_id


class NoSuchProjection(ThicketError):
    def __init__(self, projection: str) -> None:
        super().__init__(f"there is no projection {projection}")
        self.projection = projection


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with a declaration: where it stands and what to do about it."""

    where: str  # "path/to/file.py:12 ClassName.method"
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}. {self.remedy}"


class CannotStart(ThicketError):
    """All faults of a configuration at once, so that one start shows everything to mend."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        lines = "\n".join(f"  - {fault}" for fault in faults)
        super().__init__(f"cannot start, {len(faults)} fault(s):\n{lines}")
        self.faults = tuple(faults)
