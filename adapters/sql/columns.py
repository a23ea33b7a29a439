"""Column types and naming rules that every table of the product shares."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

# Constraints get predictable names, so that a migration on SQLite can find them again.
NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s_index",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


def id_text() -> TypeEngine[str]:
    """Text that is compared byte by byte: identifiers, names, keys."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def row_id() -> TypeEngine[int]:
    """A number that the database draws; on SQLite only ``INTEGER`` draws one."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def timestamp_to_text(value: datetime) -> str:
    """Fixed width, UTC, microseconds: sorts as text in the order of time."""
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def timestamp_from_text(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Timestamp(TypeDecorator[datetime]):
    """An aware moment in UTC: ``timestamptz`` on PostgreSQL, ``YYYY-MM-DD HH:MM:SS.ffffff`` as text
    on SQLite. A naive value is refused, because nobody can say which moment it means."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(26))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a timestamp must be aware")
        return timestamp_to_text(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return timestamp_from_text(value)
        moment: datetime = value
        return moment.astimezone(UTC)
