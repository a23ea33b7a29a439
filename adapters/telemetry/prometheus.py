"""Metrics for Prometheus, added up over the processes of a deployment.

The library shares them through files in ``PROMETHEUS_MULTIPROC_DIR`` when that is set before it is
imported.
"""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST

_deliveries = Counter(
    "thicket_deliveries", "Deliveries by outcome", ["context", "channel", "endpoint", "outcome"]
)
_handling = Histogram(
    "thicket_handling_seconds",
    "Time from receiving a delivery to its outcome",
    ["context", "endpoint"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
_relayed = Counter(
    "thicket_relayed", "Deliveries handed to brokers", ["context", "channel", "outcome"]
)
_requests = Histogram(
    "thicket_request_seconds",
    "Time to answer a request",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class PrometheusMetrics:
    """See :class:`ports.outbound.metrics.Metrics`."""

    def delivery(self, *, context: str, channel: str, endpoint: str, outcome: str) -> None:
        _deliveries.labels(context, channel, endpoint, outcome).inc()

    def handled(self, *, context: str, endpoint: str, seconds: float) -> None:
        _handling.labels(context, endpoint).observe(seconds)

    def relayed(self, *, context: str, channel: str, outcome: str, count: int) -> None:
        _relayed.labels(context, channel, outcome).inc(count)

    def request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """``route`` is the rule, never the address: that would be a series per token."""
        _requests.labels(method, route, str(status)).observe(seconds)


def exposition() -> bytes:
    """What a scrape answers."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
