"""SQLAlchemy's Core on a connection that belongs to somebody else."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NoReturn

import sqlalchemy as sa
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import PoolProxiedConnection

from adapters.sql.executor import statement_span
from adapters.sql.failures import NotYoursToEnd, StoreConflict, failure_of
from adapters.sql.titles import title_of_text
from ports.errors import StoreUnavailable
from ports.outbound.telemetry import Span, Tracer


class LentConnection(sa.Connection):
    """Runs statements on the driver connection it was given and never ends its transaction.

    SQLAlchemy believes itself in a transaction from the start; the driver is in autocommit mode, so
    that is bookkeeping only. Whoever lent it takes it back; closing it would roll back.
    """

    def __init__(
        self, engine: sa.Engine, connection: PoolProxiedConnection, *, read_only: bool = False
    ) -> None:
        super().__init__(engine, connection, _allow_revalidate=False)
        self.read_only = read_only
        self.writes = 0  # statements that were no plain reads
        self.send_first: Callable[[], object] | None = None  # what any statement has to wait for
        self.begin()

    def take_back(self) -> None:
        """Whoever kept it finds it closed, instead of working in another's transaction."""
        self._dbapi_connection = None
        self.send_first = None

    def commit(self) -> NoReturn:
        raise NotYoursToEnd("commit")

    def rollback(self) -> NoReturn:
        raise NotYoursToEnd("rollback")

    def close(self) -> NoReturn:
        raise NotYoursToEnd("close")

    # An ORM session ends the transaction it finds in these two ways.

    def _commit_impl(self) -> NoReturn:
        raise NotYoursToEnd("commit")

    def _rollback_impl(self) -> NoReturn:
        raise NotYoursToEnd("rollback")


def watch(engine: sa.Engine, tracer: Tracer | None) -> None:
    """Let lent connections of this engine raise the core's errors where the storage is away or gave
    a transaction up, refuse writes where they only read, and record spans."""
    if tracer is not None:
        spans = _Spans(tracer, engine.dialect.name)
        sa.event.listen(engine, "before_cursor_execute", spans.begin)
        sa.event.listen(engine, "after_cursor_execute", spans.end)
        sa.event.listen(engine, "handle_error", spans.fail)
    # After the spans: the handler that raises is the last to be asked.
    sa.event.listen(engine, "handle_error", _translate)
    sa.event.listen(engine, "before_execute", _refuse_writing)
    sa.event.listen(engine, "before_cursor_execute", _count_writes)
    sa.event.listen(engine, "before_cursor_execute", _send_first)
    sa.event.listen(engine, "savepoint", _send_first)


def _translate(context: ExceptionContext) -> None:
    if not isinstance(context.connection, LentConnection):
        return
    original = context.original_exception
    if isinstance(original, Exception):
        meaning = failure_of(original)
        # What remains is for the adapter that ran the statement: it may expect it.
        if isinstance(meaning, StoreUnavailable | StoreConflict):
            raise meaning from original


def _refuse_writing(connection: sa.Connection, statement: Any, *_: Any) -> None:
    # In ``store.reading()`` each statement is a transaction by itself: a write would be kept.
    if (
        isinstance(connection, LentConnection)
        and connection.read_only
        and getattr(statement, "is_dml", False)
    ):
        raise NotYoursToEnd("write")


def _count_writes(
    connection: sa.Connection, _cursor: Any, text: str, _values: Any, _context: Any, _: Any
) -> None:
    if isinstance(connection, LentConnection) and text.lstrip()[:6].upper() != "SELECT":
        connection.writes += 1


def _send_first(connection: sa.Connection, *_: Any) -> None:
    if isinstance(connection, LentConnection) and connection.send_first is not None:
        connection.send_first()


class _Spans:
    def __init__(self, tracer: Tracer, system: str) -> None:
        self._tracer = tracer
        self._system = system

    def begin(
        self, connection: sa.Connection, _cursor: Any, text: str, _values: Any, context: Any, _: Any
    ) -> None:
        if isinstance(connection, LentConnection) and self._tracer.recording:
            compiled = getattr(context, "compiled", None)
            # As it was compiled, once for all its executions: lists of values are filled in later.
            title = title_of_text(compiled.string if compiled is not None else text)
            span = statement_span(self._tracer, title, self._system)
            span.__enter__()
            context.thicket_span = span

    def end(
        self,
        _connection: sa.Connection,
        _cursor: Any,
        _text: str,
        _values: Any,
        context: Any,
        _: Any,
    ) -> None:
        self._leave(context, None)

    def fail(self, failure: ExceptionContext) -> None:
        self._leave(failure.execution_context, failure.original_exception)

    @staticmethod
    def _leave(context: Any, error: BaseException | None) -> None:
        span: AbstractContextManager[Span] | None = getattr(context, "thicket_span", None)
        if span is None:
            return
        context.thicket_span = None
        if error is None:
            span.__exit__(None, None, None)
        else:
            span.__exit__(type(error), error, error.__traceback__)
