"""Database connections of the broker: pooled per process, used by one thread at a time."""

import enum
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import Engine, PoolProxiedConnection

from adapters.sql_broker import forking
from adapters.sql_broker.errors import BrokerConnectionLost


class Durability(enum.Enum):
    """What a commit waits for.

    ``FLUSHED``: until a power failure cannot undo it; for whatever was accepted from a publisher.
    ``RELAXED``: for claims and acknowledgements. Losing one only means one more delivery.
    """

    FLUSHED = "flushed"
    RELAXED = "relaxed"


class Cursor(Protocol):
    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class DriverConnection(Protocol):
    """What the connections of sqlite3 and psycopg have in common."""

    def execute(self, statement: Any, parameters: Any = ..., /) -> Cursor: ...
    def close(self) -> None: ...


EngineMaker = Callable[[Durability], Engine]


class Engines:
    """One engine per process and durability. A forked child starts with none of its parent's."""

    def __init__(self, make: EngineMaker) -> None:
        self._make = make
        self._by_process: dict[tuple[int, Durability], Engine] = {}
        self._lock_of: tuple[int, threading.Lock] = (os.getpid(), threading.Lock())

    def engine(self, durability: Durability) -> Engine:
        key = (os.getpid(), durability)
        engine = self._by_process.get(key)
        if engine is None:
            with self._lock():
                engine = self._by_process.get(key)
                if engine is None:
                    engine = self._by_process[key] = self._make(durability)
        return engine

    def dispose(self) -> None:
        """Close the pooled connections of this process; those in use stay open."""
        for (pid, _), engine in list(self._by_process.items()):
            if pid == os.getpid():
                engine.dispose()

    def _lock(self) -> threading.Lock:
        pid, lock = self._lock_of
        if pid != os.getpid():
            lock = threading.Lock()
            self._lock_of = (os.getpid(), lock)
        return lock


class Session:
    """A connection taken from the pool at first use and given back by :meth:`release`.

    Threads may share a session; each waits for its turn. After a lost connection the next use
    connects again, once, and raises when that fails.
    """

    def __init__(
        self,
        engines: Engines,
        durability: Durability,
        lost: Callable[[BaseException], bool],
    ) -> None:
        self._engines = engines
        self._durability = durability
        self._lost = lost
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._pooled: PoolProxiedConnection | None = None

    @contextmanager
    def use(self) -> Iterator[DriverConnection]:
        """Hold the connection for some statements.

        Raises:
            BrokerConnectionLost: it cannot be made, or was lost on the way.
        """
        self._leave_to_parent()
        with self._lock:
            try:
                if self._pooled is None:
                    self._pooled = self._engines.engine(self._durability).raw_connection()
                connection: DriverConnection = self._pooled.driver_connection  # type: ignore[assignment]
                yield connection
            except Exception as error:
                if not self._lost(error):
                    raise
                self._invalidate()
                raise BrokerConnectionLost(_cause(error)) from error

    def release(self) -> None:
        """Give the connection back; harmless when there is none."""
        self._leave_to_parent()
        with self._lock:
            pooled, self._pooled = self._pooled, None
            if pooled is not None:
                pooled.close()

    def _invalidate(self) -> None:
        pooled, self._pooled = self._pooled, None
        if pooled is not None:
            pooled.invalidate()

    def _leave_to_parent(self) -> None:
        if self._pid != os.getpid():
            forking.keep_open(self._pooled)
            self._start()


def _cause(error: Exception) -> str:
    """The driver's own words on one line; they name hosts and files but hold no password."""
    return " ".join(str(getattr(error, "orig", None) or error).split())
