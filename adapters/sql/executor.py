"""SQL that was compiled once, run on the driver's own connection.

SQLAlchemy owns the pool and lends the connection; going through its Core for every statement would
cost a third of what the database can do.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from enum import Enum
from typing import Any, Protocol

from adapters.sql.statements import Statement
from adapters.sql.titles import Title
from ports.outbound.telemetry import Span, SpanKind, Tracer

Row = tuple[Any, ...]


class Begin(Enum):
    """Ways for a transaction to begin."""

    DURABLE = "durable"
    # The commit need not survive a power cut; only for what may happen twice.
    RELAXED = "relaxed"
    # The same, for statements that must walk along indexes whatever the planner knows of the table.
    TAKING = "taking"


class Executor(Protocol):
    """One driver connection, in autocommit mode. Lives as long as the connection, not to be shared
    by threads. Every method raises errors of ``ports/errors.py`` or ``adapters/sql/failures.py``,
    never a driver's."""

    dialect: str

    def trace_with(self, tracer: Tracer) -> None:
        """Record spans from now on. Whoever used the connection first may not have had a tracer."""

    def run(self, statement: Statement, values: Sequence[object] = ()) -> list[Row]: ...

    def change(self, statement: Statement, values: Sequence[object] = ()) -> int:
        """Run and tell how many rows were touched."""

    def load(
        self, statement: Statement, values: Sequence[object]
    ) -> tuple[list[Row], tuple[object, ...]]:
        """Rows of a table that is not ours, as the driver itself reads them, and the driver's types
        of the columns, for SQLAlchemy's result processors."""

    def look(self, statement: Statement, values: Sequence[object]) -> list[Row]:
        """Outside any transaction: run one that reads, along indexes as under ``TAKING``."""

    def begin(self, how: Begin = Begin.DURABLE) -> None: ...

    def commit(self) -> None:
        """Raises:
        CommitOutcomeUnknown, TransactionLost
        """

    def rollback(self) -> None:
        """Harmless without a transaction. Raises StoreUnavailable when the connection is gone."""

    def usable(self) -> bool:
        """Whether the connection is alive and outside a transaction, as far as one can tell without
        asking the database."""


def statement_span(
    tracer: Tracer, title: Title, system: str, name: str = ""
) -> AbstractContextManager[Span]:
    """A span for one round trip. ``name`` tells more than the title, though never a value."""
    return tracer.span(
        name or title.name, kind=SpanKind.CLIENT, attributes=title.attributes[system]
    )
