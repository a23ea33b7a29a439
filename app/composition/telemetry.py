"""Where spans go: kept for the console, and sent on where an endpoint is set."""

from collections.abc import Sequence

from opentelemetry.sdk.trace.export import SpanExporter

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.traces import SqlTraces
from adapters.telemetry.keeping import KeepingExporter
from adapters.telemetry.opentelemetry import OpenTelemetry
from app.composition.settings import Settings


def open_telemetry(settings: Settings, monitoring: DeploymentDatabase) -> OpenTelemetry:
    def exporters() -> Sequence[SpanExporter]:
        found: list[SpanExporter] = [KeepingExporter(SqlTraces(monitoring))]
        if settings.otlp_endpoint:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            found.append(
                OTLPSpanExporter(
                    endpoint=_traces_endpoint(settings.otlp_endpoint),
                    headers=dict(settings.otlp_headers),
                )
            )
        return found

    return OpenTelemetry(exporters)


def _traces_endpoint(endpoint: str) -> str:
    """Collectors are told by their base address; the exporter wants the one for traces."""
    base = endpoint.rstrip("/")
    return base if base.endswith("/v1/traces") else f"{base}/v1/traces"
