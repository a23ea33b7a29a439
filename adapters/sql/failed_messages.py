"""Failed messages and the history of their attempts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapters.sql.executor import Row
from adapters.sql.failure_groups import signature
from adapters.sql.rows import delivery_from_json, delivery_to_json
from adapters.sql.statements import Kind, statement
from ports.errors import NoSuchFailedMessage
from ports.outbound.failed_messages import Attempt, FailedMessage, Failure

if TYPE_CHECKING:
    from adapters.sql.store import SqlStore
    from adapters.sql.unit_of_work import SqlUnitOfWork

_ATTEMPTS_SHOWN = 100

_KEY = {"context": Kind.TEXT, "tenant": Kind.TEXT, "id": Kind.TEXT}
_IS_KEY = "context = :context AND tenant = :tenant AND id = :id"
_COLUMNS = {
    "channel": Kind.TEXT,
    "endpoint": Kind.TEXT,
    "message_id": Kind.TEXT,
    "exception": Kind.TEXT,
    "reason": Kind.TEXT,
    "stack_trace": Kind.TEXT,
    "failed_at": Kind.TIME,
    "failure_trace": Kind.TEXT,
    "delivery": Kind.TEXT,
    "payload": Kind.BYTES,
    "raw": Kind.BYTES,
    "deleted_at": Kind.TIME,
}
_NAMES = ", ".join(_COLUMNS)
# For lists alone: copies of what the delivery holds, and what groups failures.
_SEARCHED = {"name": Kind.TEXT, "correlation_id": Kind.TEXT, "signature": Kind.TEXT}
_WRITTEN = {**_COLUMNS, **_SEARCHED}
_FOUND = [Kind.TEXT, *_COLUMNS.values()]

_PARK = statement(
    "INSERT runtime_failed_message",
    f"INSERT INTO runtime_failed_message (context, tenant, id, {', '.join(_WRITTEN)}) "
    f"VALUES (:context, :tenant, :id, {', '.join(f':{name}' for name in _WRITTEN)}) "
    "ON CONFLICT (context, tenant, id) DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in _WRITTEN)}",
    parameters={**_KEY, **_WRITTEN},
)
_TAKE = statement(
    "DELETE runtime_failed_message",
    f"DELETE FROM runtime_failed_message WHERE {_IS_KEY} AND deleted_at IS NULL "
    f"RETURNING id, {_NAMES}",
    parameters=_KEY,
    columns=_FOUND,
)
_FIND = statement(
    "SELECT runtime_failed_message",
    f"SELECT id, {_NAMES} FROM runtime_failed_message WHERE {_IS_KEY}",
    parameters=_KEY,
    columns=_FOUND,
)
_DELETE = statement(
    "UPDATE runtime_failed_message",
    f"UPDATE runtime_failed_message SET deleted_at = :at WHERE {_IS_KEY} "
    "AND deleted_at IS NULL RETURNING 1",
    parameters={**_KEY, "at": Kind.TIME},
    columns=[Kind.INT],
)
_RESTORE = statement(
    "UPDATE runtime_failed_message",
    f"UPDATE runtime_failed_message SET deleted_at = NULL WHERE {_IS_KEY} "
    "AND deleted_at IS NOT NULL RETURNING 1",
    parameters=_KEY,
    columns=[Kind.INT],
)
_OLDEST = statement(
    "SELECT runtime_failed_message",
    "SELECT id FROM runtime_failed_message WHERE context = :context AND tenant = :tenant "
    "AND id > :after AND deleted_at IS NULL ORDER BY id LIMIT :limit",
    parameters={
        "context": Kind.TEXT,
        "tenant": Kind.TEXT,
        "after": Kind.TEXT,
        "limit": Kind.INT,
    },
    columns=[Kind.TEXT],
)

_ATTEMPT_COLUMNS = {
    "attempt": Kind.INT,
    "outcome": Kind.TEXT,
    "at": Kind.TIME,
    "reason": Kind.TEXT,
    "actor": Kind.TEXT,
    "trace": Kind.TEXT,
}
_ATTEMPT_NAMES = ", ".join(_ATTEMPT_COLUMNS)
_NOTE = statement(
    "INSERT runtime_attempt",
    f"INSERT INTO runtime_attempt (context, tenant, failed_message_id, {_ATTEMPT_NAMES}) "
    f"VALUES (:context, :tenant, :id, {', '.join(f':{name}' for name in _ATTEMPT_COLUMNS)})",
    parameters={**_KEY, **_ATTEMPT_COLUMNS},
)
_ATTEMPTS = statement(
    "SELECT runtime_attempt",
    f"SELECT {_ATTEMPT_NAMES} FROM runtime_attempt WHERE context = :context AND tenant = :tenant "
    "AND failed_message_id = :id ORDER BY id DESC LIMIT :limit",
    parameters={**_KEY, "limit": Kind.INT},
    columns=list(_ATTEMPT_COLUMNS.values()),
)


_DELETED_LONG_AGO = statement(
    "SELECT runtime_failed_message",
    "SELECT id, message_id, endpoint FROM runtime_failed_message WHERE context = :context "
    "AND tenant = :tenant AND deleted_at < {now + :seconds} ORDER BY deleted_at LIMIT :limit",
    parameters={
        "context": Kind.TEXT,
        "tenant": Kind.TEXT,
        "seconds": Kind.FLOAT,
        "limit": Kind.INT,
    },
    columns=[Kind.TEXT, Kind.TEXT, Kind.TEXT],
)
_FORGET = statement(
    "DELETE runtime_failed_message",
    f"DELETE FROM runtime_failed_message WHERE {_IS_KEY} AND deleted_at IS NOT NULL",
    parameters=_KEY,
)
_FORGET_ATTEMPTS = statement(
    "DELETE runtime_attempt",
    "DELETE FROM runtime_attempt WHERE context = :context AND tenant = :tenant "
    "AND failed_message_id = :id",
    parameters=_KEY,
)
# From now on an ordinary row that is forgotten in its time: until then the message, should it come
# once more, is not handled after all.
_SETTLE_DELIVERY = statement(
    "UPDATE runtime_delivery",
    "UPDATE runtime_delivery SET state = 'done', updated_at = {now} WHERE context = :context "
    "AND tenant = :tenant AND message_id = :message_id AND endpoint = :endpoint "
    "AND state = 'failed'",
    parameters={
        "context": Kind.TEXT,
        "tenant": Kind.TEXT,
        "message_id": Kind.TEXT,
        "endpoint": Kind.TEXT,
    },
)


def purge_deleted(store: "SqlStore", *, older_than: timedelta, limit: int) -> int:
    """Forget at most ``limit`` failed messages that were deleted longer ago, with the history of
    their attempts; how many."""
    owner = (store.context, store.tenant)
    with store.short_transaction() as executor:
        rows = executor.run(_DELETED_LONG_AGO, (*owner, -older_than.total_seconds(), limit))
        gone = 0
        for failed_message_id, message_id, endpoint in rows:
            if not executor.change(_FORGET, (*owner, failed_message_id)):
                continue  # restored at this moment
            executor.change(_FORGET_ATTEMPTS, (*owner, failed_message_id))
            executor.change(_SETTLE_DELIVERY, (*owner, message_id, endpoint))
            gone += 1
    return gone


class SqlFailedMessages:
    __slots__ = ("_owner", "_unit")

    def __init__(self, unit: "SqlUnitOfWork") -> None:
        self._unit = unit
        self._owner = (unit.context, unit.tenant)

    def park(self, failed: FailedMessage) -> None:
        self._unit.write(_PARK, (*self._owner, failed.id, *_values(failed)))

    def take(self, failed_message_id: str) -> FailedMessage:
        rows = self._unit.write(_TAKE, (*self._owner, failed_message_id))
        if not rows:
            raise NoSuchFailedMessage(failed_message_id)
        return _failed_message(rows[0])

    def find(self, failed_message_id: str) -> FailedMessage | None:
        rows = self._unit.run(_FIND, (*self._owner, failed_message_id))
        return _failed_message(rows[0]) if rows else None

    def delete(self, failed_message_id: str, *, at: datetime) -> None:
        if not self._unit.write(_DELETE, (*self._owner, failed_message_id, at)):
            raise NoSuchFailedMessage(failed_message_id)

    def restore(self, failed_message_id: str) -> None:
        if not self._unit.write(_RESTORE, (*self._owner, failed_message_id)):
            raise NoSuchFailedMessage(failed_message_id, deleted=True)

    def oldest(self, *, after: str = "", limit: int) -> Sequence[str]:
        return [row[0] for row in self._unit.run(_OLDEST, (*self._owner, after, limit))]

    def note_attempt(self, failed_message_id: str, attempt: Attempt) -> None:
        values = (
            attempt.attempt,
            attempt.outcome,
            attempt.at,
            _storable(attempt.reason),
            _storable(attempt.actor),
            attempt.trace,
        )
        self._unit.write(_NOTE, (*self._owner, failed_message_id, *values))

    def attempts(self, failed_message_id: str) -> Sequence[Attempt]:
        rows = self._unit.run(_ATTEMPTS, (*self._owner, failed_message_id, _ATTEMPTS_SHOWN))
        return [
            Attempt(
                attempt=attempt, outcome=outcome, at=at, reason=reason, actor=actor, trace=trace
            )
            for attempt, outcome, at, reason, actor, trace in reversed(rows)
        ]


def _values(failed: FailedMessage) -> Row:
    failure, delivery = failed.failure, failed.delivery
    return (
        _storable(failed.channel),
        _storable(failed.endpoint),
        _storable(failed.message_id),
        _storable(failure.exception),
        _storable(failure.reason),
        _storable(failure.stack_trace),
        failure.failed_at,
        failure.trace,
        delivery_to_json(delivery) if delivery else None,
        delivery.envelope.payload if delivery else b"",
        failed.raw,
        failed.deleted_at,
        _storable(delivery.envelope.name) if delivery else "",
        _storable(delivery.envelope.metadata.correlation_id) if delivery else "",
        signature(failed.endpoint, failure.exception, failure.reason),
    )


def _failed_message(row: Row) -> FailedMessage:
    values = dict(zip(("id", *_COLUMNS), row, strict=True))
    text = values["delivery"]
    return FailedMessage(
        id=values["id"],
        channel=values["channel"],
        endpoint=values["endpoint"],
        message_id=values["message_id"],
        failure=Failure(
            exception=values["exception"],
            reason=values["reason"],
            stack_trace=values["stack_trace"],
            failed_at=values["failed_at"],
            trace=values["failure_trace"],
        ),
        delivery=None if text is None else delivery_from_json(text, values["payload"]),
        raw=values["raw"],
        deleted_at=values["deleted_at"],
    )


def _storable(text: str) -> str:
    """What failed may be the very text that no database takes; parking it must not fail as well."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
