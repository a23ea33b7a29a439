"""What a worker's main process hands to its pool: plain values that survive pickling."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receive:
    """Hand a delivery to its handler."""

    text: str  # the envelope in base64
    hand_overs: int


@dataclass(frozen=True, slots=True)
class Park:
    """Keep what is no delivery."""

    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """Fail a delivery that an operator revoked on the broker."""

    text: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Fail a delivery whose handler was stopped."""

    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask whether the storage is back."""


Job = Receive | Park | Revoked | TimedOut | Probe
