"""Ascending numbers that people read: a sequence on PostgreSQL, a counting row on SQLite."""

import sqlalchemy as sa

from adapters.sql.columns import NAMING
from adapters.sql.connections import Connections
from adapters.sql.engines import POSTGRESQL

FIRST_NUMBER = 1001


class SqlNumberSeries:
    """Draws within the current unit of work. ``name`` is the sequence's, or the table's."""

    def __init__(self, connections: Connections, name: str) -> None:
        self._connections = connections
        self._draw = sa.select(sa.Sequence(name).next_value())
        counter = _counter(name, sa.MetaData(naming_convention=NAMING))
        self._count_on = sa.update(counter).values(last=counter.c.last + 1)
        self._read = sa.select(counter.c.last)

    def next(self) -> int:
        connection = self._connections.current()
        if connection.dialect.name == POSTGRESQL:
            return int(connection.execute(self._draw).scalar_one())
        # Two statements cannot be parted: whoever has counted on is the only writer until commit.
        connection.execute(self._count_on)
        return int(connection.execute(self._read).scalar_one())


def create_number_series(connection: sa.Connection, name: str) -> None:
    """For migrations."""
    if connection.dialect.name == POSTGRESQL:
        connection.execute(sa.schema.CreateSequence(_sequence(name)))
        return
    counter = _counter(name, sa.MetaData(naming_convention=NAMING))
    connection.execute(sa.schema.CreateTable(counter))
    connection.execute(sa.insert(counter).values(last=FIRST_NUMBER - 1))


def drop_number_series(connection: sa.Connection, name: str) -> None:
    """For migrations."""
    if connection.dialect.name == POSTGRESQL:
        connection.execute(sa.schema.DropSequence(_sequence(name)))
    else:
        connection.execute(
            sa.schema.DropTable(_counter(name, sa.MetaData(naming_convention=NAMING)))
        )


def _sequence(name: str) -> sa.Sequence:
    return sa.Sequence(name, start=FIRST_NUMBER, cache=1)


def _counter(name: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(name, metadata, sa.Column("last", sa.Integer, nullable=False))
