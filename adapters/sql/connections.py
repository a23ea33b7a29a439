"""What adapters of a context get to run their own SQL with."""

from collections.abc import Mapping
from typing import Any, Protocol

import sqlalchemy as sa

Write = sa.Insert | sa.Update | sa.Delete


class Connections(Protocol):
    """Given to record mappings, projections and queries; shared by threads."""

    @property
    def dialect(self) -> str:
        """``postgresql`` or ``sqlite``."""

    def current(self) -> sa.Connection:
        """The connection of the unit of work this thread of control is in, with everything buffered
        already sent, or the one that ``store.reading()`` shares.

        Whoever gets it neither commits nor closes it: both are refused. Savepoints are allowed.

        Raises:
            NoCurrentConnection: neither a unit of work nor a reading is under way.
        """

    def write(self, statement: Write, row: Mapping[str, Any]) -> None:
        """Run a statement whose outcome nobody asks for, in the unit of work this thread of control
        is in.

        Rows that come one after the other for one statement (the very object, so make it once) are
        sent together, many times as fast as one by one: at the latest with the commit, and before
        any other statement of the unit of work. What the database refuses is raised then.

        Raises:
            NoCurrentConnection: no unit of work is under way.
        """
