"""The deployment's own database, in which accounts, sessions, audit log and rate limits lie."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from adapters.sql.checkout import check_out
from adapters.sql.connections import Connections
from adapters.sql.engines import SQLITE
from adapters.sql.failures import failure_of


class JoinableStore(Protocol):
    """What of a store has to be known for its units of work to be joined."""

    url: URL
    connections: Connections

    def current(self) -> object | None: ...


class DeploymentDatabase:
    """Connections for adapters whose methods are transactions of their own, unless the caller has
    one already.

    ``engine`` gives this process's engine on the database. Of the units of work of ``stores``,
    those on this very database are joined: what is done then is neither committed nor rolled back
    here.
    """

    def __init__(
        self, engine: Callable[[], sa.Engine], *, stores: Sequence[JoinableStore] = ()
    ) -> None:
        self._engine = engine
        self._stores = tuple(stores)
        self._held: ContextVar[sa.Connection | None] = ContextVar("one commit", default=None)

    @contextmanager
    def one_commit(self) -> Iterator[None]:
        """Everything that is done here inside, by this thread of control, is one transaction."""
        with self.writing() as connection:
            before = self._held.set(connection)
            try:
                yield
            finally:
                self._held.reset(before)

    def is_joined(self) -> bool:
        """Whether what is done here now is part of somebody else's transaction."""
        return self._joined() is not None

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that may read and then write: on SQLite it is the one writer from its
        beginning, since a reader that turns into a writer may be refused without waiting."""
        joined = self._joined()
        if joined is not None:
            with _translating():
                yield joined
            return
        with _translating():
            checkout = check_out(self._engine(), None)
            try:
                connection = checkout.core()
                connection.exec_driver_sql(
                    "BEGIN IMMEDIATE" if connection.dialect.name == SQLITE else "BEGIN"
                )
                try:
                    yield connection
                    connection.exec_driver_sql("COMMIT")
                except BaseException:
                    checkout.roll_back()
                    raise
            finally:
                checkout.give_back()

    @contextmanager
    def single(self) -> Iterator[sa.Connection]:
        """For statements of which each is a transaction by itself."""
        joined = self._joined()
        if joined is not None:
            with _translating():
                yield joined
            return
        with _translating():
            checkout = check_out(self._engine(), None)
            try:
                yield checkout.core()
            finally:
                checkout.give_back()

    def _joined(self) -> sa.Connection | None:
        held = self._held.get()
        if held is not None:
            return held
        for store in self._stores:
            if store.current() is not None and store.url == self._engine().url:
                return store.connections.current()
        return None


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        # The driver's own error is the cause: SQLAlchemy's repeats the statement with its values,
        # and these are addresses and digests.
        raise failure_of(error) from error.orig
