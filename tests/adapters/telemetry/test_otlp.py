"""Spans reach a collector by OTLP over HTTP."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.migrating import migrate
from adapters.sql.store import SqlStore
from adapters.sql.traces import SqlTraces
from app.composition.environment import read_settings
from app.composition.telemetry import open_telemetry
from tests.support.waiting import wait_until


@dataclass
class Collector:
    address: str = ""
    received: list[tuple[str, str, ExportTraceServiceRequest]] = field(default_factory=list)

    def spans(self) -> dict[str, str]:
        """Names of spans and the service they are of."""
        return {
            span.name: service.value.string_value
            for _, _, request in self.received
            for resource in request.resource_spans
            for service in resource.resource.attributes
            if service.key == "service.name"
            for scope in resource.scope_spans
            for span in scope.spans
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = ExportTraceServiceRequest.FromString(body)
            found.received.append((self.path, self.headers.get("Authorization", ""), request))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield found
    server.shutdown()
    server.server_close()


def test_spans_are_kept_here_and_sent_to_the_collector(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    url = f"sqlite:///{tmp_path / 'monitoring.db'}"
    migrate("monitoring", url)
    store = SqlStore(url, "monitoring")
    database = DeploymentDatabase(store.engine)
    settings = replace(
        read_settings(data=tmp_path),
        otlp_endpoint=collector.address,
        otlp_headers={"Authorization": "Bearer collector"},
    )
    telemetry = open_telemetry(settings, database)

    with telemetry.tracer("backoffice").span("Command Bus") as span:
        trace_id = span.trace.split("-")[1]
    telemetry.flush()

    wait_until(lambda: collector.received, what="the spans to arrive")
    assert collector.spans() == {"Command Bus": "backoffice"}
    [(path, authorization, _)] = collector.received
    assert path == "/v1/traces"
    assert authorization == "Bearer collector"
    assert [kept.name for kept in SqlTraces(database).spans(trace_id)] == ["Command Bus"]
    telemetry.close()
    store.close()
