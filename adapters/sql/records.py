"""Record mappings, compiled once for the database at hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from adapters.sql.executor import Row
from adapters.sql.repositories import RecordMapping
from adapters.sql.statements import Kind, Statement, prepared_name
from adapters.sql.titles import Title
from ports.errors import ConcurrencyConflict

Processor = Callable[[Any], Any]


class CompiledMapping:
    """SQL text and value conversions of one mapping, made by SQLAlchemy's types."""

    def __init__(self, mapping: RecordMapping, dialect: Dialect) -> None:
        self.mapping = mapping
        self.aggregate = mapping.aggregate
        self._dialect = dialect
        quote = dialect.identifier_preparer.quote
        table = mapping.table
        columns: Sequence[sa.Column[Any]] = list(table.columns)
        self._all_names = [column.name for column in columns]
        self.names = [name for name in self._all_names if name != mapping.version]
        if mapping.identifier not in self.names or mapping.version not in self._all_names:
            raise LookupError(
                f"{table.name} must have the columns {mapping.identifier!r} and "
                f"{mapping.version!r} of the mapping of {mapping.aggregate}"
            )
        self.table = dialect.identifier_preparer.format_table(table)
        self.identifier = quote(mapping.identifier)
        self.version = quote(mapping.version)
        self.quoted = [quote(name) for name in self.names]
        self.types = [_type_name(table.columns[name], dialect) for name in self.names]
        self._binders = [_binder(table.columns[name], dialect) for name in self.names]
        self.bind_identifier = self._binders[self.names.index(mapping.identifier)]

    def record_of(self, identifier: str, aggregate: object, *, expected_version: int) -> "Record":
        """The aggregate as it is at this moment."""
        row = self.mapping.to_row(aggregate)
        return Record(
            mapping=self,
            identifier=identifier,
            row=[
                row[name] if bind is None else bind(row[name])
                for name, bind in zip(self.names, self._binders, strict=True)
            ],
            expected_version=expected_version,
        )

    def loaded(self, row: Row, types: Sequence[Any]) -> tuple[object, int]:
        """The aggregate and its version, from all columns in the table's order. ``types`` are the
        driver's names of the columns' types."""
        values: Mapping[str, Any] = {
            name: value if read is None else read(value)
            for name, value, read in zip(
                self._all_names, row, self._readers(tuple(types)), strict=True
            )
        }
        return self.mapping.from_row(values), values[self.mapping.version]

    @cached_property
    def find(self) -> Statement:
        names = ", ".join(self._dialect.identifier_preparer.quote(name) for name in self._all_names)
        return self._statement(
            "SELECT",
            f"SELECT {names} FROM {self.table} WHERE {self.identifier} = {{1}}",
            parameters=1,
        )

    @cached_property
    def insert(self) -> Statement:
        marks = ", ".join(f"{{{number}}}" for number in range(1, len(self.names) + 1))
        return self._statement(
            "INSERT",
            f"INSERT INTO {self.table} ({', '.join(self.quoted)}, {self.version}) "
            f"VALUES ({marks}, 1) ON CONFLICT ({self.identifier}) DO NOTHING",
            parameters=len(self.names),
        )

    @cached_property
    def update(self) -> Statement:
        """Values as in a :class:`Record`, then the expected version."""
        count = len(self.names)
        changes = ", ".join(
            f"{name} = {{{number}}}"
            for number, name in enumerate(self.quoted, start=1)
            if name != self.identifier
        )
        identifier = self.names.index(self.mapping.identifier) + 1
        return self._statement(
            "UPDATE",
            f"UPDATE {self.table} SET {self.version} = {{{count + 1}}} + 1"
            f"{', ' if changes else ''}{changes} "
            f"WHERE {self.identifier} = {{{identifier}}} AND {self.version} = {{{count + 1}}}",
            parameters=count + 1,
        )

    def _statement(self, verb: str, text: str, *, parameters: int) -> Statement:
        postgresql = text.format(*(f"${number}" for number in range(parameters + 1)))
        marks = [field for _, field, _, _ in Formatter().parse(text) if field is not None]
        return Statement(
            title=Title.of(verb, [self.mapping.table.name]),
            postgresql=postgresql,
            sqlite=text.format(*("?" * (parameters + 1))),
            sqlite_order=tuple(int(number) - 1 for number in marks),
            parameters=(Kind.READY,) * parameters,
            columns=(),
            name=prepared_name(postgresql),
        )

    def _readers(self, types: tuple[Any, ...]) -> list[Processor | None]:
        # Types never change while a process runs, except by a migration that also changes the code.
        if self._cached_readers is None:
            self._cached_readers = [
                column.type.dialect_impl(self._dialect).result_processor(self._dialect, kind)
                for column, kind in zip(self.mapping.table.columns, types, strict=True)
            ]
        return self._cached_readers

    _cached_readers: list[Processor | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One aggregate to write, as it was when it was saved."""

    mapping: CompiledMapping
    identifier: str
    row: list[Any]  # for the driver, in the order of ``mapping.names``
    expected_version: int

    def conflict(self) -> ConcurrencyConflict:
        return ConcurrencyConflict(self.mapping.aggregate, self.identifier, self.expected_version)


def _binder(column: sa.Column[Any], dialect: Dialect) -> Processor | None:
    return column.type.dialect_impl(dialect).bind_processor(dialect)


def _type_name(column: sa.Column[Any], dialect: Dialect) -> str:
    """For a CAST, which takes no collation."""
    return column.type.compile(dialect=dialect).partition(" COLLATE ")[0]
