"""The executor for SQLite: the standard library's module, one file, one writer at a time."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.sql.columns import timestamp_from_text, timestamp_to_text
from adapters.sql.engines import SQLITE
from adapters.sql.executor import Begin, Row, statement_span
from adapters.sql.failures import TransactionLost, failure_of
from adapters.sql.statements import Kind, Statement
from ports.outbound.telemetry import Tracer

_ENCODERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.TIME: timestamp_to_text,
    Kind.TEXTS: json.dumps,  # read with json_each
    Kind.INTS: json.dumps,
}
_DECODERS: dict[Kind, Callable[[Any], Any]] = {Kind.TIME: timestamp_from_text, Kind.BOOL: bool}


@dataclass(frozen=True, slots=True, eq=False)
class _Converted:
    """Only what SQLite has no type for is converted, by its place. Values are set in order only
    where the marks take them in another."""

    parameters: tuple[tuple[int, Callable[[Any], Any]], ...]
    order: tuple[int, ...] | None
    columns: tuple[tuple[int, Callable[[Any], Any]], ...]

    def bound(self, values: Sequence[object]) -> Sequence[object]:
        if self.parameters:
            values = list(values)
            for place, convert in self.parameters:
                if values[place] is not None:
                    values[place] = convert(values[place])
        if self.order is None:
            return values
        return [values[place] for place in self.order]


class SqliteExecutor:
    dialect = SQLITE

    __slots__ = ("_connection", "_converted", "_relaxed", "_tracer")

    def __init__(self, connection: sqlite3.Connection, tracer: Tracer | None = None) -> None:
        self._connection = connection
        self._converted: dict[Statement, _Converted] = {}
        self._relaxed = False
        self._tracer = tracer

    def trace_with(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def run(self, statement: Statement, values: Sequence[object] = ()) -> list[Row]:
        rows = self._traced(statement, values)[0]
        places = self._converted[statement].columns
        if not places or not rows:
            return rows
        return [self._read(row, places) for row in rows]

    def change(self, statement: Statement, values: Sequence[object] = ()) -> int:
        return self._traced(statement, values)[1]

    def change_many(self, statement: Statement, rows: Sequence[Sequence[object]]) -> int:
        """The same statement for every row; how many rows were touched in all."""
        if self._tracer is None or not self._tracer.recording:
            return self._execute_many(statement, rows)
        with statement_span(self._tracer, statement.title, SQLITE):
            return self._execute_many(statement, rows)

    def load(
        self, statement: Statement, values: Sequence[object]
    ) -> tuple[list[Row], tuple[object, ...]]:
        rows = self._traced(statement, values)[0]
        return rows, (None,) * len(rows[0]) if rows else ()

    def look(self, statement: Statement, values: Sequence[object]) -> list[Row]:
        return self.run(statement, values)

    def begin(self, how: Begin = Begin.DURABLE) -> None:
        relaxed = how is not Begin.DURABLE
        if relaxed != self._relaxed:
            self._plain(f"PRAGMA synchronous = {'NORMAL' if relaxed else 'FULL'}")
            self._relaxed = relaxed
        self._plain("BEGIN IMMEDIATE")

    def commit(self) -> None:
        if not self._connection.in_transaction:
            raise TransactionLost
        self._plain("COMMIT")

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._plain("ROLLBACK")

    def usable(self) -> bool:
        return not self._connection.in_transaction

    def _traced(self, statement: Statement, values: Sequence[object]) -> tuple[list[Row], int]:
        if self._tracer is None or not self._tracer.recording:
            return self._execute(statement, values)
        with statement_span(self._tracer, statement.title, SQLITE):
            return self._execute(statement, values)

    def _execute(self, statement: Statement, values: Sequence[object]) -> tuple[list[Row], int]:
        converted = self._converted.get(statement) or self._prepare(statement)
        try:
            # All rows are fetched: a cursor left open would hold on to its snapshot.
            cursor = self._connection.execute(statement.sqlite, converted.bound(values))
            return cursor.fetchall(), cursor.rowcount
        except (sqlite3.Error, UnicodeError) as error:
            raise failure_of(error) from error

    def _execute_many(self, statement: Statement, rows: Sequence[Sequence[object]]) -> int:
        converted = self._converted.get(statement) or self._prepare(statement)
        try:
            return self._connection.executemany(
                statement.sqlite, [converted.bound(row) for row in rows]
            ).rowcount
        except (sqlite3.Error, UnicodeError) as error:
            raise failure_of(error) from error

    def _prepare(self, statement: Statement) -> _Converted:
        order = statement.sqlite_order
        converted = _Converted(
            parameters=_places(statement.parameters, _ENCODERS),
            order=None if order == tuple(range(len(statement.parameters))) else order,
            columns=_places(statement.columns, _DECODERS),
        )
        self._converted[statement] = converted
        return converted

    @staticmethod
    def _read(row: Row, places: Sequence[tuple[int, Callable[[Any], Any]]]) -> Row:
        read = list(row)
        for place, convert in places:
            if read[place] is not None:
                read[place] = convert(read[place])
        return tuple(read)

    def _plain(self, text: str) -> None:
        try:
            self._connection.execute(text)
        except sqlite3.Error as error:
            raise failure_of(error) from error


def _places(
    kinds: Sequence[Kind], converters: dict[Kind, Callable[[Any], Any]]
) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    return tuple(
        (place, converters[kind]) for place, kind in enumerate(kinds) if kind in converters
    )
