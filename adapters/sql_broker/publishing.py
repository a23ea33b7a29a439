"""Routing and storing messages, with routes that are cached but never outdated."""

import logging
from collections.abc import Sequence

from adapters.sql_broker.errors import BrokerConnectionLost
from adapters.sql_broker.messages import Publication, Row, rows_for
from adapters.sql_broker.sessions import Durability
from adapters.sql_broker.store import Store
from adapters.sql_broker.topology import Topology

logger = logging.getLogger(__name__)


class Publisher:
    """Stores messages in the queues that they are routed to.

    Routes come from a remembered topology; the statement that stores checks that it still holds,
    so a queue bound a moment ago by another process gets its copy.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._topology: Topology | None = None

    def publish(self, publications: Sequence[Publication]) -> list[int]:
        """Store all messages in one transaction, committed when this returns.

        Returns the positions of those that no queue took, in rising order.

        Raises:
            BrokerConnectionLost: nothing was stored, or everything was and nobody knows.
        """
        while True:
            topology = self._topology or self._refreshed()
            routes = [topology.route(p.exchange, p.routing_key) for p in publications]
            rows: list[Row] = []
            for publication, queues in zip(publications, routes, strict=True):
                rows.extend(rows_for(publication, queues))
            took = self._store_rows(
                rows,
                version=topology.version if any(p.exchange for p in publications) else None,
                durability=_durability(publications),
            )
            if took is not None:
                self._announce(took)
                return [
                    position for position, queues in enumerate(routes) if took.isdisjoint(queues)
                ]
            self._refreshed()

    def _store_rows(
        self, rows: Sequence[Row], *, version: int | None, durability: Durability
    ) -> frozenset[str] | None:
        """The queues that took their rows; None when the routes are outdated."""
        if not rows:
            return frozenset() if version in (None, self._store.version()) else None
        stored = self._store.insert(rows, version=version, durability=durability)
        return stored.queues if version in (None, stored.version) else None

    def _refreshed(self) -> Topology:
        self._topology = self._store.topology()
        return self._topology

    def _announce(self, queues: frozenset[str]) -> None:
        if not queues:
            return
        try:
            self._store.announce(queues)
        except BrokerConnectionLost:
            # The messages are stored. Raising would make the caller publish them twice; consumers
            # find them with their next sweep.
            logger.info("new messages could not be announced", exc_info=True)


def _durability(publications: Sequence[Publication]) -> Durability:
    transient = all(publication.transient for publication in publications)
    return Durability.RELAXED if transient else Durability.FLUSHED
