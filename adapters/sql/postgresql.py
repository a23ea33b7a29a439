"""The executor for PostgreSQL: prepared statements straight through libpq, as psycopg wraps it."""

import select
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer

from adapters.sql.engines import POSTGRESQL
from adapters.sql.executor import Begin, Row, statement_span
from adapters.sql.failures import StoreConflict, TransactionLost, failure_of
from adapters.sql.statements import Kind, Statement
from adapters.sql.wire_format import DECODERS, ENCODERS, OIDS
from ports.outbound.telemetry import Tracer

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

_IDLE = pq.TransactionStatus.IDLE
_IN_TRANSACTION = pq.TransactionStatus.INTRANS
_IN_ERROR = pq.TransactionStatus.INERROR
_TUPLES = pq.ExecStatus.TUPLES_OK
_DONE = pq.ExecStatus.COMMAND_OK

# The server forgot a prepared statement (a pooler reset the session), or a migration changed what
# it returns. Preparing it again mends both, outside a transaction at once.
_STALE_PLAN = {"26000", "0A000"}
_PREPARED_ALREADY = "42P05"

# Statements that walk along an index and stop early cost more to plan than to run. The server would
# plan them anew each time: without its values it takes every list for ten entries and the plan for
# dear. One that is kept was perhaps made for a handful of rows, so it may not scan them all.
_KEEP_PLANS = "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off"
_BEGIN_RELAXED = "BEGIN; SET LOCAL synchronous_commit = off"
# Simple protocol: many statements, one round trip.
_BEGIN = {
    Begin.DURABLE: b"BEGIN",
    Begin.RELAXED: _BEGIN_RELAXED.encode(),
    Begin.TAKING: f"{_BEGIN_RELAXED}; {_KEEP_PLANS}".encode(),
}
_BEGIN_LOOKING = f"BEGIN READ ONLY; {_KEEP_PLANS}".encode()


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    name: bytes
    encoders: tuple[Callable[[Any], bytes], ...]
    formats: tuple[int, ...]
    decoders: tuple[tuple[int, Callable[[bytes], Any]], ...]  # with the column's number


class PostgresqlExecutor:
    dialect = POSTGRESQL

    __slots__ = ("_connection", "_generation", "_pgconn", "_prepared", "_tracer")

    def __init__(self, connection: "psycopg.Connection[Any]", tracer: Tracer | None = None) -> None:
        self._connection = connection
        self._pgconn: PGconn = connection.pgconn
        # By name, as the server knows them: two threads may have built the same text at once.
        self._prepared: dict[bytes, _Prepared] = {}
        self._generation = b""
        self._tracer = tracer

    def trace_with(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @property
    def recording(self) -> bool:
        return self._tracer is not None and self._tracer.recording

    def run(
        self, statement: Statement, values: Sequence[object] = (), *, span_name: str = ""
    ) -> list[Row]:
        result = self._traced(statement, values, span_name=span_name)
        count = result.ntuples
        if not count:
            return []
        decoders = self._prepared[statement.name].decoders
        get = result.get_value
        return [
            tuple(
                [
                    None if (data := get(number, column)) is None else decode(data)
                    for column, decode in decoders
                ]
            )
            for number in range(count)
        ]

    def change(self, statement: Statement, values: Sequence[object] = ()) -> int:
        return self._traced(statement, values).command_tuples or 0

    def load(
        self, statement: Statement, values: Sequence[object]
    ) -> tuple[list[Row], tuple[object, ...]]:
        result = self._traced(statement, self.dump(values), result_format=0)
        if not result.ntuples:
            return [], ()
        transformer = Transformer(self._connection)
        transformer.set_pgresult(result)
        types = tuple(result.ftype(column) for column in range(result.nfields))
        return transformer.load_rows(0, result.ntuples, tuple), types

    def dump(self, values: Sequence[object]) -> list[object]:
        """Values of any type as psycopg writes them in PostgreSQL's text format."""
        try:
            return list(
                Transformer(self._connection).dump_sequence(values, [PyFormat.TEXT] * len(values))
            )
        except (psycopg.Error, UnicodeError) as error:
            raise failure_of(error) from error

    def run_committing(
        self, statement: Statement, values: Sequence[object], *, span_name: str = ""
    ) -> None:
        """Run a statement that is a transaction of its own.

        Raises:
            CommitOutcomeUnknown: no answer came; it may have taken effect.
        """
        self._traced(statement, values, committing=True, span_name=span_name)

    def look(self, statement: Statement, values: Sequence[object]) -> list[Row]:
        try:
            return self._looked(statement, values)
        except StoreConflict:  # a prepared statement was lost; asking again costs nothing
            return self._looked(statement, values)

    def _looked(self, statement: Statement, values: Sequence[object]) -> list[Row]:
        self._plain(_BEGIN_LOOKING)
        try:
            return self.run(statement, values)
        finally:
            self.rollback()

    def begin(self, how: Begin = Begin.DURABLE) -> None:
        self._plain(_BEGIN[how])

    def commit(self) -> None:
        # PostgreSQL answers COMMIT of a failed transaction with a silent ROLLBACK.
        status = self._pgconn.transaction_status
        if status in (_IN_ERROR, _IDLE):
            self.rollback()
            raise TransactionLost
        self._plain(b"COMMIT", committing=True)

    def rollback(self) -> None:
        if self._pgconn.transaction_status != _IDLE:
            self._plain(b"ROLLBACK")

    def usable(self) -> bool:
        if self._pgconn.status != pq.ConnStatus.OK:
            return False
        if self._pgconn.transaction_status != _IDLE:
            return False
        poll = select.poll()
        poll.register(self._pgconn.socket, select.POLLIN)
        # Something that arrives on an idle connection is a notice, or the news that the server
        # closed it: its farewell, and only behind that the end, which reading runs into.
        try:
            while poll.poll(0):
                self._pgconn.consume_input()
        except psycopg.Error:
            return False
        return self._pgconn.status == pq.ConnStatus.OK

    def _traced(
        self,
        statement: Statement,
        values: Sequence[object],
        *,
        committing: bool = False,
        result_format: int = 1,
        span_name: str = "",
    ) -> "PGresult":
        if self._tracer is None or not self._tracer.recording:
            return self._execute(statement, values, committing, result_format)
        with statement_span(self._tracer, statement.title, POSTGRESQL, span_name):
            return self._execute(statement, values, committing, result_format)

    def _execute(
        self,
        statement: Statement,
        values: Sequence[object],
        committing: bool,
        result_format: int,
        *,
        again: bool = False,
    ) -> "PGresult":
        prepared = self._prepared.get(statement.name)
        if prepared is None:
            prepared = self._prepare(statement)
        try:
            data = [
                None if value is None else encode(value)
                for encode, value in zip(prepared.encoders, values, strict=True)
            ]
        except UnicodeError as error:
            raise failure_of(error) from error
        try:
            result = self._pgconn.exec_prepared(
                prepared.name,
                data,  # type: ignore[arg-type]  # None is NULL, which the stubs do not know
                prepared.formats,
                result_format,
            )
        except psycopg.Error as error:
            raise failure_of(error, committing=committing) from error
        status = result.status
        if status in (_TUPLES, _DONE):
            return result
        failure = psycopg.errors.error_from_result(result)
        if failure.sqlstate in _STALE_PLAN and not again:
            # Under new names: some of the old ones may still be there.
            self._prepared.clear()
            self._generation += b"_"
            if self._pgconn.transaction_status == _IDLE:
                return self._execute(statement, values, committing, result_format, again=True)
            raise StoreConflict("a prepared statement was lost") from failure
        raise failure_of(failure, committing=committing) from failure

    def _prepare(self, statement: Statement) -> _Prepared:
        name = statement.name + self._generation
        oids = [OIDS[kind] for kind in statement.parameters]
        try:
            result = self._pgconn.prepare(name, statement.postgresql.encode(), oids)
        except psycopg.Error as error:
            raise failure_of(error) from error
        if result.status != _DONE:
            failure = psycopg.errors.error_from_result(result)
            if failure.sqlstate != _PREPARED_ALREADY:
                raise failure_of(failure) from failure
        prepared = _Prepared(
            name=name,
            encoders=tuple(ENCODERS[kind] for kind in statement.parameters),
            formats=tuple(0 if kind is Kind.READY else 1 for kind in statement.parameters),
            decoders=tuple(enumerate(DECODERS[kind] for kind in statement.columns)),
        )
        self._prepared[statement.name] = prepared
        if self._pgconn.transaction_status == _IN_ERROR:
            # That it was there already has cost the transaction; the next one finds it.
            raise StoreConflict("a statement was prepared by somebody else")
        return prepared

    def _plain(self, text: bytes, *, committing: bool = False) -> None:
        try:
            result = self._pgconn.exec_(text)
        except psycopg.Error as error:
            raise failure_of(error, committing=committing) from error
        if result.status != _DONE:
            failure = psycopg.errors.error_from_result(result)
            raise failure_of(failure, committing=committing) from failure
