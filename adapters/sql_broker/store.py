"""What the broker does with its tables. Two databases share all of it but a few statements."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.sql_broker.consumers import may_live
from adapters.sql_broker.errors import BrokerTablesMissing
from adapters.sql_broker.messages import Claimed, Row
from adapters.sql_broker.options import milliseconds
from adapters.sql_broker.sessions import DriverConnection, Durability, Session
from adapters.sql_broker.statements import Statements
from adapters.sql_broker.tables import GENERATION
from adapters.sql_broker.topology import Binding, Topology
from adapters.sql_broker.watching import ChangeWatch

_DELETED_AT_ONCE = 1000
_CLEANED_AT_ONCE = 500
_QUEUES_CLEANED_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to settle one delivery; ends when the message is delivered again."""

    message_id: int
    token: str
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A consumer as the table knows it."""

    token: str
    tag: str
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    expires_after_ms: int | None
    message_ttl_ms: int | None
    auto_delete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The outcome of storing rows.

    ``version`` is the topology's as it stood then. When it is not the expected one, nothing was
    stored. ``queues`` are those that took their rows; the others do not exist or are abandoned.
    """

    version: int
    queues: frozenset[str]


class Store(ABC):
    """The broker's tables, through two connections that are made when first used.

    Threads may share a store. Every method is one transaction of its own and raises
    ``BrokerConnectionLost`` when the database cannot be reached.
    """

    def __init__(self, *, statements: Statements, flushed: Session, relaxed: Session) -> None:
        self._sql = statements
        self._flushed = flushed
        self._relaxed = relaxed

    # -- what differs between databases -------------------------------------------------------

    @abstractmethod
    def describe(self) -> str:
        """The database for people, without its password."""

    @abstractmethod
    def watch(self) -> ChangeWatch:
        """Notice messages that others publish. The caller closes the watch."""

    @abstractmethod
    def announce(self, queues: frozenset[str]) -> None:
        """Tell watching consumers about new messages, sooner or later; their sweep is the net."""

    @abstractmethod
    def insert(self, rows: Sequence[Row], *, version: int | None, durability: Durability) -> Stored:
        """Store all rows in one transaction, unless the topology is not at ``version``."""

    @abstractmethod
    def settle(self, *, acknowledge: Sequence[Lease], requeue: Sequence[Lease]) -> Sequence[Lease]:
        """Delete and make visible again; returns the leases that had ended before."""

    @abstractmethod
    def renew(self, leases: Sequence[Lease], lease: timedelta) -> Sequence[Lease]:
        """Prolong leases; returns those that had ended before."""

    @abstractmethod
    def _tables_found(self, connection: DriverConnection) -> bool: ...

    @abstractmethod
    def _create_tables(self) -> None: ...

    @abstractmethod
    def _claim(self, statement: str, parameters: Mapping[str, object], queue: str) -> list[Any]: ...

    @abstractmethod
    def _transaction(self, session: Session) -> AbstractContextManager[DriverConnection]:
        """A transaction that writes; waits for its turn where there can be one only."""

    # -- connecting ----------------------------------------------------------------------------

    def connect(self) -> None:
        """Reach the database and make sure that its tables are ours.

        Raises:
            BrokerTablesMissing: they are not there and not ours to make, or of another release.
        """
        if self._generation() is None:
            self._create_tables()
        generation = self._generation()
        if generation != GENERATION:
            found = "missing" if generation is None else f"of generation {generation}"
            raise BrokerTablesMissing(self.describe(), found)

    def _generation(self) -> int | None:
        with self._relaxed.use() as connection:
            if not self._tables_found(connection):
                return None
            row = connection.execute(self._sql.generation).fetchone()
            return None if row is None else int(row[0])

    def close(self) -> None:
        """Give the connections back. A later call of any method takes new ones."""
        self._flushed.release()
        self._relaxed.release()

    # -- exchanges, queues, bindings -----------------------------------------------------------

    def version(self) -> int:
        return int(self._one(self._sql.version)[0])

    def topology(self) -> Topology:
        # The version is read first: if something changes meanwhile, the next publish finds its
        # version outdated and reads again. The other way round it would trust old bindings.
        with self._relaxed.use() as connection:
            version = connection.execute(self._sql.version).fetchone()[0]
            exchanges = connection.execute(self._sql.exchanges).fetchall()
            bindings = connection.execute(self._sql.bindings).fetchall()
        return Topology.of(
            version=int(version),
            exchanges={str(name): str(kind) for name, kind in exchanges},
            bindings=[Binding(exchange=e, routing_key=key, queue=q) for e, key, q in bindings],
        )

    def exchange_type(self, name: str) -> str | None:
        row = self._maybe_one(self._sql.exchange_type, {"name": name})
        return None if row is None else str(row[0])

    def declare_exchange(self, name: str, kind: str) -> None:
        self._change(self._sql.declare_exchange, {"name": name, "type": kind})

    def delete_exchange(self, name: str) -> None:
        with self._declaring() as connection:
            connection.execute(self._sql.delete_exchange_bindings, {"name": name})
            connection.execute(self._sql.delete_exchange, {"name": name})
            connection.execute(self._sql.raise_version)

    def queue(self, name: str) -> QueueSettings | None:
        """The settings of a queue that exists and is not abandoned."""
        row = self._maybe_one(self._sql.queue, {"name": name})
        if row is None:
            return None
        return QueueSettings(
            expires_after_ms=row[0], message_ttl_ms=row[1], auto_delete=bool(row[2])
        )

    def declare_queue(self, name: str, settings: QueueSettings) -> None:
        """Make the queue or change its settings; either way it counts as seen now."""
        self._change(
            self._sql.declare_queue,
            {
                "name": name,
                "expires_after_ms": settings.expires_after_ms,
                "message_ttl_ms": settings.message_ttl_ms,
                "auto_delete": settings.auto_delete,
            },
        )

    def delete_queue(self, name: str) -> int:
        """Remove the queue with its bindings and messages; returns the number of messages."""
        self._delete_queue(self._sql.delete_queue, name)
        return self._delete_in_parts(self._sql.delete_some_messages, name)

    def bind(self, binding: Binding) -> bool:
        """Add a binding, once; false when the queue does not exist."""
        parameters = _parameters(binding)
        if self._maybe_one(self._sql.binding, parameters) is not None:
            return True
        with self._declaring() as connection:
            if connection.execute(self._sql.queue, {"name": binding.queue}).fetchone() is None:
                return False
            if connection.execute(self._sql.bind, parameters).rowcount:
                connection.execute(self._sql.raise_version)
        return True

    def unbind(self, binding: Binding) -> None:
        self._change(self._sql.unbind, _parameters(binding))

    # -- messages ------------------------------------------------------------------------------

    def claim(self, queue: str, *, limit: int, token: str, lease: timedelta) -> list[Claimed]:
        """Take up to ``limit`` messages, highest priority and then oldest first."""
        parameters = {
            "queue": queue,
            "limit": limit,
            "token": token,
            "lease_ms": milliseconds(lease),
        }
        return _in_order(self._claim(self._sql.claim, parameters, queue))

    def take(self, queue: str, *, limit: int) -> list[Claimed]:
        """Like :meth:`claim` for a consumer that does not acknowledge: they are gone at once."""
        return _in_order(self._claim(self._sql.take, {"queue": queue, "limit": limit}, queue))

    def count_ready(self, queue: str) -> int:
        return int(self._one(self._sql.count_ready, {"queue": queue})[0])

    def has_messages(self, queue: str) -> bool:
        """Whether a message waits or is held by a consumer."""
        return self._maybe_one(self._sql.any_message, {"queue": queue}) is not None

    def purge(self, queue: str) -> int:
        """Delete what waits, not what consumers hold; returns how many messages."""
        return self._delete_in_parts(self._sql.purge_some_messages, queue)

    # -- consumers -----------------------------------------------------------------------------

    def add_consumer(self, *, token: str, tag: str, queue: str, lease: timedelta) -> None:
        with self._transaction(self._relaxed) as connection:
            connection.execute(self._sql.see_queue, {"name": queue})
            connection.execute(
                self._sql.add_consumer,
                {"token": token, "tag": tag, "queue": queue, "lease_ms": milliseconds(lease)},
            )

    def remove_consumer(self, *, token: str, tag: str, queue: str) -> None:
        """Forget a consumer, and its queue if that is to go with the last of them."""
        with self._transaction(self._relaxed) as connection:
            connection.execute(self._sql.delete_consumer, {"token": token, "tag": tag})
        settings = self.queue(queue)
        if settings is not None and settings.auto_delete:
            self._delete_queue_if(self._sql.delete_queue_left_by_consumers, queue)

    def count_consumers(self, queue: str) -> int:
        """Without those whose process was killed: their lease says so too late, and a worker that
        takes the place of a killed one would believe that there are two of its name."""
        tokens = [str(row[0]) for row in self._all(self._sql.consumers, {"queue": queue})]
        return sum(map(may_live, tokens))

    def stamp(
        self, *, consumers: Sequence[Registered], queues: Sequence[str], lease: timedelta
    ) -> frozenset[str]:
        """Say that consumers and queues are alive.

        Returns the queues that are gone, or do not know a consumer any more: somebody took it for
        dead.
        """
        if not consumers and not queues:
            return frozenset()
        gone: set[str] = set()
        with self._transaction(self._relaxed) as connection:
            # Queues before consumers, like whoever deletes a queue: the other order deadlocks.
            for name in sorted(queues):
                if connection.execute(self._sql.see_queue, {"name": name}).rowcount == 0:
                    gone.add(name)
            for consumer in consumers:
                parameters = {
                    "token": consumer.token,
                    "tag": consumer.tag,
                    "lease_ms": milliseconds(lease),
                }
                if connection.execute(self._sql.renew_consumer, parameters).rowcount == 0:
                    gone.add(consumer.queue)
        return frozenset(gone)

    # -- cleaning ------------------------------------------------------------------------------

    def clean(self) -> None:
        """Remove some of what nobody will ask for again: a bounded piece of work."""
        for token, tag, name in self._all(
            self._sql.expired_consumers, {"limit": _QUEUES_CLEANED_AT_ONCE}
        ):
            with self._transaction(self._relaxed) as connection:
                connection.execute(self._sql.delete_expired_consumer, {"token": token, "tag": tag})
            self._delete_queue_if(self._sql.delete_queue_left_by_consumers, name)
        for (name,) in self._all(self._sql.unseen_queues, {"limit": _QUEUES_CLEANED_AT_ONCE}):
            self._delete_queue_if(self._sql.delete_queue_unseen, name)
        # A publish that overlapped the deletion of its queue can leave messages behind.
        for (name,) in self._all(self._sql.queues_of_nobody, {"limit": _QUEUES_CLEANED_AT_ONCE}):
            self._delete_some(self._sql.delete_some_messages, {"queue": name}, _CLEANED_AT_ONCE)
        if self._maybe_one(self._sql.any_expired_message) is not None:
            self._delete_some(self._sql.delete_expired_messages, {}, _CLEANED_AT_ONCE)

    # -- details -------------------------------------------------------------------------------

    @contextmanager
    def _declaring(self) -> Iterator[DriverConnection]:
        """A flushed transaction whose connection goes back to the pool: declarations are rare."""
        try:
            with self._transaction(self._flushed) as connection:
                yield connection
        finally:
            self._flushed.release()

    def _delete_queue_if(self, statement: str, name: str) -> None:
        if self._delete_queue(statement, name):
            self._delete_in_parts(self._sql.delete_some_messages, name)

    def _delete_queue(self, statement: str, name: str) -> bool:
        with self._declaring() as connection:
            if connection.execute(statement, {"name": name}).rowcount == 0:
                return False
            connection.execute(self._sql.delete_queue_bindings, {"name": name})
            connection.execute(self._sql.delete_queue_consumers, {"name": name})
            connection.execute(self._sql.raise_version)
        return True

    def _delete_in_parts(self, statement: str, queue: str) -> int:
        """Delete in short transactions, so that nobody waits for a large queue to go."""
        deleted = 0
        while True:
            part = self._delete_some(statement, {"queue": queue}, _DELETED_AT_ONCE)
            deleted += part
            if part < _DELETED_AT_ONCE:
                return deleted

    def _delete_some(self, statement: str, parameters: Mapping[str, object], limit: int) -> int:
        with self._transaction(self._relaxed) as connection:
            return connection.execute(statement, {**parameters, "limit": limit}).rowcount

    def _change(self, statement: str, parameters: Mapping[str, object]) -> None:
        with self._declaring() as connection:
            if connection.execute(statement, parameters).rowcount:
                connection.execute(self._sql.raise_version)

    def _one(self, statement: str, parameters: Mapping[str, object] | None = None) -> Any:
        row = self._maybe_one(statement, parameters)
        if row is None:
            raise BrokerTablesMissing(self.describe(), "incomplete")
        return row

    def _maybe_one(self, statement: str, parameters: Mapping[str, object] | None = None) -> Any:
        with self._relaxed.use() as connection:
            return connection.execute(statement, parameters or {}).fetchone()

    def _all(self, statement: str, parameters: Mapping[str, object]) -> list[Any]:
        with self._relaxed.use() as connection:
            return connection.execute(statement, parameters).fetchall()


def _parameters(binding: Binding) -> dict[str, object]:
    return {
        "exchange": binding.exchange,
        "routing_key": binding.routing_key,
        "queue": binding.queue,
    }


def _in_order(rows: Sequence[Any]) -> list[Claimed]:
    claimed = [
        Claimed(id=row[0], priority=row[1], deliveries=row[2], meta=row[3], body=bytes(row[4]))
        for row in rows
    ]
    claimed.sort(key=lambda message: (-message.priority, message.id))
    return claimed
