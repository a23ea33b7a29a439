"""Counters and durations, by name; the adapter exposes them to Prometheus."""

from typing import Protocol


class Metrics(Protocol):
    def delivery(self, *, context: str, channel: str, endpoint: str, outcome: str) -> None:
        """One delivery ended: done, duplicate, retried, failed."""

    def handled(self, *, context: str, endpoint: str, seconds: float) -> None: ...

    def relayed(self, *, context: str, channel: str, outcome: str, count: int) -> None: ...
