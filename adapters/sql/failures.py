"""What a driver's error means to the core. Nothing above this package ever sees a driver."""

import sqlite3

import psycopg
import sqlalchemy as sa

from ports.errors import (
    CommitOutcomeUnknown,
    ConcurrencyConflict,
    StoreUnavailable,
    ThicketError,
    TransactionSpoiled,
)


class StatementFailed(ThicketError):
    """The database refused a statement for a reason that trying again will not change."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the database refused a statement: {reason}")


class NoCurrentConnection(ThicketError):
    def __init__(self, context: str) -> None:
        super().__init__(
            f"no unit of work of {context} is under way here: begin one, or read within "
            "store.reading()"
        )


class NotYoursToEnd(ThicketError):
    """An adapter tried to commit, roll back or close the connection that it was lent."""

    def __init__(self, operation: str) -> None:
        super().__init__(
            f"{operation}() on a lent connection: the unit of work ends its transaction itself; "
            "use begin_nested() for a part that may fail"
        )


class UnitOfWorkEnded(ThicketError):
    def __init__(self) -> None:
        super().__init__("this unit of work was committed or rolled back; begin a new one")


class TransactionLost(TransactionSpoiled):
    """A statement, or a part that had written, failed earlier and its error was caught by the way,
    so that committing would keep a part only."""

    def __init__(self) -> None:
        ThicketError.__init__(
            self,
            "a part of this transaction failed after it had written something, and the error was "
            "caught: nothing can be kept; let the error pass, ask before you send, or use "
            "begin_nested() around a statement that may fail",
        )


class UniqueViolation(Exception):
    """Another row has the key already. Internal: whoever wrote the row turns it into a conflict."""


class Shortfall(Exception):
    """A step of a flush touched fewer rows than it must. Internal, like the above."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


class StoreConflict(ConcurrencyConflict):
    """The database gave up this transaction in favour of another; a fresh attempt is due."""

    def __init__(self, reason: str) -> None:
        ThicketError.__init__(self, f"the database gave this transaction up: {reason}")
        self.aggregate = ""
        self.identifier = ""
        self.expected_version = 0


# A failing statement makes PostgreSQL undo the whole flush. The text that it cannot read as a
# number says which step fell short.
SHORTFALL_MARK = "thicket rolled back, too few rows in "

_RETRYABLE = {"40001", "40P01", "55P03"}  # serialization failure, deadlock, lock timeout
_UNIQUE = "23505"
_UNREADABLE_TEXT = "22P02"
# Connection gone, resources exhausted, shut down or starting up, disk trouble. A statement that
# took too long is none of these: it must count as a failed attempt, or it is tried for ever.
_AWAY_CLASSES = ("08", "53", "57", "58")
_TOOK_TOO_LONG = "57014"
# Raised by the driver itself about a value or a call. Every other error without a SQLSTATE means
# that no answer came.
_NEVER_SENT = (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError)


def failure_of(
    error: Exception, *, sqlstate: str | None = None, committing: bool = False
) -> Exception:
    """The error to raise instead. ``committing``: the statement may have taken effect if the
    connection broke before its answer."""
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    if isinstance(error, psycopg.Error):
        return _of_postgresql(error, sqlstate or error.sqlstate, committing=committing)
    if isinstance(error, sa.exc.DBAPIError) and isinstance(error.orig, Exception):
        return failure_of(error.orig, committing=committing)
    if isinstance(error, sa.exc.TimeoutError):
        return StoreUnavailable("every connection to the store is in use")
    if isinstance(error, UnicodeEncodeError):
        return StatementFailed(f"a text cannot be stored: {error.reason}")
    return StatementFailed(f"{type(error).__name__}: {error}")


def _of_postgresql(error: psycopg.Error, sqlstate: str | None, *, committing: bool) -> Exception:
    reason = _first_line(error)
    if sqlstate is None:
        if isinstance(error, _NEVER_SENT):
            return StatementFailed(reason)
        if committing:
            return CommitOutcomeUnknown(f"the connection broke while committing: {reason}")
        return StoreUnavailable(f"PostgreSQL does not answer: {reason}")
    if sqlstate == _UNIQUE:
        return UniqueViolation(reason)
    if sqlstate in _RETRYABLE:
        return StoreConflict(reason)
    if sqlstate == _UNREADABLE_TEXT and SHORTFALL_MARK in reason:
        return Shortfall(reason.partition(SHORTFALL_MARK)[2].partition(":")[0])
    if sqlstate.startswith(_AWAY_CLASSES) and sqlstate != _TOOK_TOO_LONG:
        return StoreUnavailable(f"PostgreSQL cannot serve us: {reason}")
    return StatementFailed(f"{reason} (SQLSTATE {sqlstate})")


def _of_sqlite(error: sqlite3.Error) -> Exception:
    reason = _first_line(error)
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
        return UniqueViolation(reason)
    if primary in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOMEM,
    ):
        return StoreUnavailable(f"SQLite cannot serve us: {reason}")
    return StatementFailed(reason)


def _first_line(error: Exception) -> str:
    """Without the detail that PostgreSQL adds below: it may quote values of the row."""
    return str(error).partition("\n")[0]
