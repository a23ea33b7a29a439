"""The transport options of the broker, checked when a connection is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from adapters.sql_broker.errors import BrokerMisconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOptions:
    """How patient the broker is, and how often it looks.

    ``lease``: how long a message stays hidden after its consumer stopped renewing; what a killed
    process costs at most. ``poll_interval``: how often a consumer asks SQLite whether anything
    changed. ``sweep_interval``: how often a consumer looks at its queues although nothing was
    announced; finds expired leases. ``busy_timeout``: how long a writer waits for SQLite's only
    write lock. ``cleanup_interval``: how often expired messages and abandoned queues are removed.
    ``claim_limit``: messages taken by one statement at most.
    """

    lease: timedelta = timedelta(seconds=30)
    poll_interval: timedelta = timedelta(milliseconds=20)
    sweep_interval: timedelta = timedelta(seconds=1)
    busy_timeout: timedelta = timedelta(seconds=10)
    cleanup_interval: timedelta = timedelta(seconds=10)
    claim_limit: int = 100

    @classmethod
    def from_transport_options(cls, options: Mapping[str, object]) -> Self:
        """Read ``lease_seconds``, ``poll_interval_ms``, ``sweep_interval_ms``,
        ``busy_timeout_ms``, ``cleanup_interval_seconds``, ``claim_limit``.

        Other keys belong to kombu and are left alone.

        Raises:
            BrokerMisconfigured: a value is not a positive number.
        """
        defaults = cls()
        second, millisecond = timedelta(seconds=1), timedelta(milliseconds=1)
        return cls(
            lease=_duration(options, "lease_seconds", second, defaults.lease),
            poll_interval=_duration(
                options, "poll_interval_ms", millisecond, defaults.poll_interval
            ),
            sweep_interval=_duration(
                options, "sweep_interval_ms", millisecond, defaults.sweep_interval
            ),
            busy_timeout=_duration(options, "busy_timeout_ms", millisecond, defaults.busy_timeout),
            cleanup_interval=_duration(
                options, "cleanup_interval_seconds", second, defaults.cleanup_interval
            ),
            claim_limit=max(1, int(_positive(options, "claim_limit", defaults.claim_limit))),
        )


def milliseconds(duration: timedelta) -> int:
    return max(1, duration // timedelta(milliseconds=1))


def _duration(
    options: Mapping[str, object], key: str, unit: timedelta, default: timedelta
) -> timedelta:
    return _positive(options, key, default / unit) * unit


def _positive(options: Mapping[str, object], key: str, default: float) -> float:
    value = options.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise BrokerMisconfigured(f"the transport option {key} must be a positive number: {value}")
    return value
