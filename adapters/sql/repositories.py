"""State-stored aggregates: a row to a plain object and back, the version checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ports.outbound.repositories import Loaded

if TYPE_CHECKING:
    from adapters.sql.records import CompiledMapping
    from adapters.sql.unit_of_work import SqlUnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMapping:
    """How one kind of aggregate lies in its table; supplied by the context that owns it.

    ``to_row`` gives every column but the version, the identifier included, in Python values as
    SQLAlchemy's types take them. ``from_row`` gets all columns by name and returns a fresh object.
    """

    aggregate: str  # the aggregate's stable name
    table: sa.Table
    to_row: Callable[[Any], Mapping[str, Any]]
    from_row: Callable[[Mapping[str, Any]], Any]
    identifier: str  # name of the identifier's column, which is unique
    version: str = "version"  # name of the version's column; 1 after the first save


class SqlRepository:
    __slots__ = ("_mapping", "_unit")

    def __init__(self, unit: "SqlUnitOfWork", mapping: "CompiledMapping") -> None:
        self._unit = unit
        self._mapping = mapping

    def find(self, identifier: str) -> Loaded | None:
        unit, mapping = self._unit, self._mapping
        if (mapping.aggregate, identifier) in unit.buffer.aggregates:
            unit.flush()
        found = unit.find_record(mapping, identifier)
        if found is None:
            return None
        aggregate, version = mapping.loaded(*found)
        return Loaded(aggregate, version)

    def save(self, identifier: str, aggregate: object, *, expected_version: int) -> None:
        unit, mapping = self._unit, self._mapping
        unit.check_open()
        key = (mapping.aggregate, identifier)
        if key in unit.buffer.aggregates:
            unit.flush()
        unit.buffer.aggregates[key] = mapping.record_of(
            identifier, aggregate, expected_version=expected_version
        )
