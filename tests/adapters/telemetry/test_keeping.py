"""Spans that cannot be kept never disturb the work that they tell of."""

from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult

from adapters.sql.failures import StoreConflict
from adapters.telemetry.keeping import KeepingExporter
from ports.errors import StoreUnavailable
from ports.outbound.traces import SpanRecord


class Refusing:
    """Traces whose database does not take them."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def save(self, spans: Sequence[SpanRecord]) -> None:
        raise self._error


@pytest.mark.parametrize(
    "error",
    [StoreUnavailable("gone"), StoreConflict("somebody holds the row, and stands still")],
)
def test_a_batch_that_the_database_refuses_is_dropped_with_a_word(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = KeepingExporter(Refusing(error))  # type: ignore[arg-type]

    result = exporter.export([])

    assert result is SpanExportResult.FAILURE
    assert [record.levelname for record in caplog.records] == ["WARNING"]
