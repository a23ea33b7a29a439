"""Telling relays that something was committed.

On PostgreSQL a thread sends NOTIFY after commits, on a connection of its own and at most every few
milliseconds: inside the transaction it would double the time of every writer. On SQLite a waiter
asks for the file's version, which any commit of another connection changes.
"""

import logging
import sqlite3
import threading
import time
from typing import Any, Protocol

import psycopg
import sqlalchemy as sa
from psycopg import pq, sql
from sqlalchemy.engine import URL

from adapters.sql.engines import POSTGRESQL, Limits, open_engine, store_url

_logger = logging.getLogger(__name__)

_PAUSE_S = 0.004
_LOOK_EVERY_S = 0.015
_CONNECT_AGAIN_AFTER_S = 1.0
_CLOSING_S = 2.0
# A waiter looks that often whether it was closed meanwhile.
_SLICE_S = 0.5


def _channel(context: str) -> str:
    # PostgreSQL knows a channel by 63 bytes.
    return f"thicket_{context}"[:63]


class Announcer:
    """Sends the notifications of one context in one process. Starts its thread, and connects, when
    it is first asked to."""

    def __init__(self, url: URL, context: str) -> None:
        self._url = url
        self._context = context
        self._wanted = threading.Event()
        self._closed = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def announce(self) -> None:
        """Returns at once. Many calls become one notification."""
        if self._wanted.is_set():
            return
        self._wanted.set()
        if self._thread is None:
            self._start()

    def close(self) -> None:
        """Send what is still to be sent, and stop."""
        self._closed.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(_CLOSING_S)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(
                    target=self._work, name=f"wake-ups of {self._context}", daemon=True
                )
                self._thread.start()

    def _work(self) -> None:
        command = sql.SQL("NOTIFY {}").format(sql.Identifier(_channel(self._context)))
        text = command.as_string().encode()
        while not self._closed.is_set():
            try:
                with _connected(self._url) as connection:
                    # A notification is a hint: nobody waits until it is on disk.
                    connection.execute("SET synchronous_commit = off")
                    self._notify(connection.pgconn, text)
            except psycopg.Error as error:
                # Sweeps find what was not announced; meanwhile the database may come back.
                _logger.warning("wake-ups cannot be sent", extra={"reason": str(error)})
                self._closed.wait(_CONNECT_AGAIN_AFTER_S)

    def _notify(self, connection: Any, text: bytes) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            result = connection.exec_(text)
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(result)
            if self._closed.wait(_PAUSE_S):
                return


class _Waiter(Protocol):
    def wait(self, seconds: float, closed: threading.Event) -> bool: ...

    def close(self) -> None: ...


class SqlWakeUps:
    """Connects when first waited on. Not to be shared by threads, but :meth:`close` may come from
    any; a wait ends soon after."""

    def __init__(self, url: str, context: str) -> None:
        self._url, self._context = url, context
        parsed = store_url(url)
        self._waiter: _Waiter = (
            _Notifications(parsed, context)
            if parsed.get_backend_name() == POSTGRESQL
            else _FileVersion(parsed)
        )
        self._closed = threading.Event()

    def another(self) -> "SqlWakeUps":
        return SqlWakeUps(self._url, self._context)

    def wait(self, timeout_seconds: float) -> bool:
        deadline = time.monotonic() + timeout_seconds
        while not self._closed.is_set():
            left = deadline - time.monotonic()
            if self._waiter.wait(max(0.0, min(left, _SLICE_S)), self._closed):
                return True
            if time.monotonic() >= deadline:
                return False
        self._waiter.close()
        return False

    def close(self) -> None:
        self._closed.set()


class _Notifications:
    def __init__(self, url: URL, context: str) -> None:
        self._url = url
        self._listen = sql.SQL("LISTEN {}").format(sql.Identifier(_channel(context)))
        self._connection: psycopg.Connection[Any] | None = None

    def wait(self, seconds: float, closed: threading.Event) -> bool:
        """Never raises: without a connection it only waits, and a new connection counts as a
        wake-up, because what came before it was missed."""
        try:
            if self._connection is None:
                self._connection = _connected(self._url)
                self._connection.execute(self._listen)
                return True
            heard = list(self._connection.notifies(timeout=seconds, stop_after=1))
            if heard:
                # What else has come by now is answered by the same look at the table.
                heard += self._connection.notifies(timeout=0)
            return bool(heard)
        except psycopg.Error as error:
            _logger.warning("wake-ups cannot be heard", extra={"reason": str(error)})
            self.close()
            closed.wait(min(seconds, _CONNECT_AGAIN_AFTER_S))
            return False

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class _FileVersion:
    """Any commit of another connection changes the file's version; only one that added a message or
    an event counts, or a relay would wake itself with what it removes."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: sqlite3.Connection | None = None
        self._version = 0
        self._drawn: list[Any] = []

    def wait(self, seconds: float, closed: threading.Event) -> bool:
        """Never raises; connecting counts as a wake-up, as above."""
        deadline = time.monotonic() + seconds
        try:
            if self._connection is None:
                self._connection = _connected(self._url)
                self._added(self._connection)
                return True
            while not self._added(self._connection):
                left = deadline - time.monotonic()
                if left <= 0 or closed.wait(min(left, _LOOK_EVERY_S)):
                    return False
            return True
        except sqlite3.Error as error:
            _logger.warning("wake-ups cannot be seen", extra={"reason": str(error)})
            self.close()
            closed.wait(min(seconds, _CONNECT_AGAIN_AFTER_S))
            return False

    def _added(self, connection: sqlite3.Connection) -> bool:
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return False
        self._version = version
        before = self._drawn
        self._drawn = connection.execute(
            "SELECT name, seq FROM sqlite_sequence "
            "WHERE name IN ('runtime_event', 'runtime_message') ORDER BY name"
        ).fetchall()
        return self._drawn != before

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _connected(url: URL) -> Any:
    """A driver connection of its own, set up like all others.

    Raises:
        psycopg.Error, sqlite3.Error
    """
    try:
        pooled = open_engine(url, Limits(), pooled=False).raw_connection()
    except sa.exc.DBAPIError as error:
        raise error.orig or error from error
    connection = pooled.dbapi_connection
    pooled.detach()
    return connection
