"""What adapters of a context get to run their own SQL with."""

from typing import Protocol

import sqlalchemy as sa


class Connections(Protocol):
    """Given to record mappings, projections and queries; shared by threads."""

    def current(self) -> sa.Connection:
        """The connection of the unit of work this thread of control is in, with everything buffered
        already sent, or the one that ``store.reading()`` shares.

        Whoever gets it neither commits nor closes it: both are refused. Savepoints are allowed.

        Raises:
            NoCurrentConnection: neither a unit of work nor a reading is under way.
        """
