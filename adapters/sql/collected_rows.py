"""Rows that adapters want written and nobody waits for, collected until they must be there."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from adapters.sql.connections import Write

# What one sending may hold in memory.
_MOST = 1_000


class CollectedRows:
    """Of one unit of work; those that wait are all for one statement."""

    __slots__ = ("_rows", "_statement", "sent")

    def __init__(self) -> None:
        self._statement: Write | None = None
        self._rows: list[Mapping[str, Any]] = []
        self.sent = 0

    def __bool__(self) -> bool:
        return bool(self._rows)

    @property
    def total(self) -> int:
        """Sent or waiting."""
        return self.sent + len(self._rows)

    def goes_with(self, statement: Write, row: Mapping[str, Any]) -> bool:
        """Whether it can be sent together with those that wait."""
        rows = self._rows
        return not rows or (
            statement is self._statement and len(rows) < _MOST and row.keys() == rows[0].keys()
        )

    def add(self, statement: Write, row: Mapping[str, Any]) -> None:
        self._statement = statement
        self._rows.append(row)

    def cut(self, total: int) -> None:
        """Drop what was added since there were so many."""
        del self._rows[max(0, total - self.sent) :]

    def send(self, connection: sa.Connection) -> None:
        statement, rows = self._statement, self._rows
        if statement is None or not rows:
            return
        self._rows = []
        self.sent += len(rows)
        connection.execute(statement, rows if len(rows) > 1 else rows[0])
