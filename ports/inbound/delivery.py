"""Declarations of how a handler is reached: at once or over a channel, inside a transaction or
outside, and what happens when it fails."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from ports.inbound.declaring import mark

F = TypeVar("F")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a failing delivery is tried again.

    ``instant`` extra tries follow at once, each in a fresh transaction. After them the delivery
    waits in the message table: the n-th delayed retry comes ``first_delay * factor ** (n - 1)``
    later, at most ``longest_delay``. When ``delayed`` of them have failed too, the delivery
    becomes a failed message. Refusals are never retried; ``only`` narrows further. Handlers that
    reach outside know no instant retries: what was sent there cannot be rolled back first.
    """

    instant: int = 1
    delayed: int = 3
    first_delay: timedelta = timedelta(seconds=1)
    factor: float = 10.0
    longest_delay: timedelta = timedelta(hours=1)
    only: tuple[type[BaseException], ...] = field(default=(Exception,))

    def __post_init__(self) -> None:
        if self.instant < 0 or self.delayed < 0 or self.factor < 1:
            raise ValueError("retries are counted from 0 and a factor is at least 1")
        if self.first_delay < timedelta(0):
            raise ValueError("a delay is not negative")

    def delay_before(self, retry: int) -> timedelta:
        """The pause before the n-th delayed retry, counted from 1."""
        if not self.first_delay:
            return self.first_delay
        most = self.longest_delay / self.first_delay
        try:
            factor = self.factor ** (retry - 1)
        except OverflowError:
            factor = most
        return self.longest_delay if factor >= most else self.first_delay * factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Asynchronous:
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    policy: RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Delayed:
    by: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Prioritised:
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimited:
    limit: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Distributed:
    pass


def asynchronous(channel: str) -> Callable[[F], F]:
    """Handle over a channel: each handler gets its own copy, with its own retries and failures."""
    return mark(Asynchronous(channel=channel))


def outside() -> Callable[[F], F]:
    """The handler reaches outside (mail, HTTP). It runs without a transaction, at least once; the
    message id is its idempotency key. Only asynchronous handlers can be outside."""
    return mark(Outside())


def retried(policy: RetryPolicy) -> Callable[[F], F]:
    """A retry policy of this handler's own, instead of the channel's."""
    return mark(Retried(policy=policy))


def delayed(*, by: timedelta) -> Callable[[F], F]:
    """Hand the copy over not before ``by`` after the message was sent."""
    if by <= timedelta(0):
        raise ValueError("a delay is positive")
    return mark(Delayed(by=by))


def expiring(*, after: timedelta) -> Callable[[F], F]:
    """Silently drop the copy when nobody took it within ``after``. A retry does not expire: its
    failure must be seen."""
    if after <= timedelta(0):
        raise ValueError("a time to live is positive")
    return mark(Expiring(after=after))


def prioritised(priority: int) -> Callable[[F], F]:
    """0 to 9, 9 first. Refused at start on a channel that knows no priority."""
    if not 0 <= priority <= 9:
        raise ValueError("a priority is 0 to 9")
    return mark(Prioritised(priority=priority))


def time_limited(limit: timedelta) -> Callable[[F], F]:
    """Fail the delivery when the handler did not finish within ``limit``."""
    if limit <= timedelta(0):
        raise ValueError("a time limit is positive")
    return mark(TimeLimited(limit=limit))


def distributed(function: F) -> F:
    """Other services may reach this handler, by its routing key, over the distributed bus."""
    return mark(Distributed())(function)
