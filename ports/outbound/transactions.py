"""The unit of work (Fowler): one transaction of one store.

It is a lazy write buffer on one connection. What the engine writes through it is kept and flushed
in fixed order, at the latest on commit, in as few statements as the store allows; what must be read
flushes first. Ports reached through ``current()`` join it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from ports.outbound.deliveries import Deliveries
from ports.outbound.event_store import EventStore
from ports.outbound.failed_messages import FailedMessages
from ports.outbound.message_table import MessageTable
from ports.outbound.positions import Positions
from ports.outbound.repositories import Repository


class UnitOfWork(Protocol):
    """Not to be shared by threads. After :meth:`commit` or :meth:`rollback` it is used up."""

    @property
    def events(self) -> EventStore: ...

    @property
    def messages(self) -> MessageTable: ...

    @property
    def deliveries(self) -> Deliveries: ...

    @property
    def failed_messages(self) -> FailedMessages: ...

    @property
    def positions(self) -> Positions: ...

    def aggregates(self, name: str) -> Repository:
        """The repository of one kind of state-stored aggregate, by the aggregate's name. Asks the
        store nothing.

        Raises:
            LookupError: the store was not told how to keep that kind.
        """

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run once the commit succeeded, in order; a wake-up, never a write that matters."""

    def mark(self) -> object:
        """This point, for :meth:`return_to`."""

    def return_to(self, mark: object) -> None:
        """Forget what was written since then: a part of the work failed, and somebody may catch its
        error. What was sent to the store since then is not taken back; the unit can then only be
        rolled back, and committing raises :class:`ports.errors.TransactionSpoiled`."""

    def flush(self) -> None:
        """Send what is buffered, in this order: deliveries by key, aggregates by key, events,
        messages. After an error nothing of the unit is kept, but it stays current until whoever
        began it ends it: what is sent meanwhile must not slip into a transaction of its own.

        Raises:
            AlreadyDelivered, ConcurrencyConflict, StoreUnavailable
        """

    def commit(self) -> None:
        """Flush and commit. On any error everything is rolled back before it is raised.

        Raises:
            AlreadyDelivered, ConcurrencyConflict, StoreUnavailable, CommitOutcomeUnknown
            TransactionSpoiled: an error of a flush or of a part was caught on the way.
        """

    def rollback(self) -> None:
        """Undo everything; harmless when used up or when the connection is gone."""


class Store(Protocol):
    """A database with the runtime's tables, as one context sees it. Shared by threads; opens
    nothing before it is first used in a process, so it survives a fork."""

    context: str

    def begin(self) -> UnitOfWork:
        """A new unit of work, current in this thread of control until it ends.

        A unit already current steps back until the new one has ended.
        """

    def current(self) -> UnitOfWork | None:
        """The unit of work that this thread of control is in."""

    def reading(self) -> AbstractContextManager[None]:
        """Let reads of one query share a connection. Within a unit of work: its own."""

    def close(self) -> None:
        """Give back every connection of this process."""
