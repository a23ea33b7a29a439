"""One row per message and endpoint: what became of it."""

from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.sql.statements import Kind, statement
from ports.messages import Delivery
from ports.outbound.deliveries import DeliveryRecord, DeliveryState

if TYPE_CHECKING:
    from adapters.sql.store import SqlStore
    from adapters.sql.unit_of_work import SqlUnitOfWork

_KEY = {
    "context": Kind.TEXT,
    "tenant": Kind.TEXT,
    "message_id": Kind.TEXT,
    "endpoint": Kind.TEXT,
}
_IS_KEY = (
    "context = :context AND tenant = :tenant AND message_id = :message_id AND endpoint = :endpoint"
)
# The row of an attempt that has no outcome yet: waiting, and not taken over by a later attempt.
_STILL_OPEN = "found.state = 'waiting' AND found.attempt <= :attempt"

_FIND = statement(
    "SELECT runtime_delivery",
    f"SELECT state, attempt, hand_overs FROM runtime_delivery WHERE {_IS_KEY}",
    parameters=_KEY,
    columns=[Kind.TEXT, Kind.INT, Kind.INT],
)

# For SQLite, which takes the rows one by one; PostgreSQL's flush builds its own.
RECORD_DONE = statement(
    "INSERT runtime_delivery",
    "INSERT INTO runtime_delivery AS found "
    "(context, tenant, message_id, endpoint, state, attempt, updated_at) "
    "VALUES (:context, :tenant, :message_id, :endpoint, 'done', :attempt, {now}) "
    "ON CONFLICT (context, tenant, message_id, endpoint) DO UPDATE "
    "SET state = 'done', attempt = excluded.attempt, updated_at = excluded.updated_at "
    f"WHERE {_STILL_OPEN}",
    parameters={**_KEY, "attempt": Kind.INT},
)

_COUNT_HAND_OVER = statement(
    "INSERT runtime_delivery",
    "INSERT INTO runtime_delivery AS found "
    "(context, tenant, message_id, endpoint, state, attempt, hand_overs, updated_at) "
    "VALUES (:context, :tenant, :message_id, :endpoint, 'waiting', :attempt, 1, {now}) "
    "ON CONFLICT (context, tenant, message_id, endpoint) DO UPDATE SET "
    "hand_overs = CASE WHEN found.attempt = excluded.attempt THEN found.hand_overs + 1 ELSE 1 END, "
    "attempt = excluded.attempt, updated_at = excluded.updated_at "
    f"WHERE {_STILL_OPEN} RETURNING hand_overs",
    parameters={**_KEY, "attempt": Kind.INT},
    columns=[Kind.INT],
)

_ADVANCE = statement(
    "INSERT runtime_delivery",
    "INSERT INTO runtime_delivery AS found "
    "(context, tenant, message_id, endpoint, state, attempt, updated_at) "
    "VALUES (:context, :tenant, :message_id, :endpoint, :state, :next_attempt, {now}) "
    "ON CONFLICT (context, tenant, message_id, endpoint) DO UPDATE SET state = excluded.state, "
    "attempt = excluded.attempt, hand_overs = 0, updated_at = excluded.updated_at "
    f"WHERE {_STILL_OPEN} RETURNING attempt",
    parameters={**_KEY, "attempt": Kind.INT, "next_attempt": Kind.INT, "state": Kind.TEXT},
    columns=[Kind.INT],
)

_REOPEN = statement(
    "UPDATE runtime_delivery",
    "UPDATE runtime_delivery SET state = 'waiting', attempt = attempt + 1, hand_overs = 0, "
    f"updated_at = {{now}} WHERE {_IS_KEY} AND state = 'failed' RETURNING attempt",
    parameters=_KEY,
    columns=[Kind.INT],
)

# Only what is done: rows of waiting and failed messages keep guarding them.
_PURGE_DONE = statement(
    "DELETE runtime_delivery",
    "DELETE FROM runtime_delivery WHERE (context, tenant, message_id, endpoint) IN ("
    "SELECT context, tenant, message_id, endpoint FROM runtime_delivery "
    "WHERE context = :context AND state = 'done' AND updated_at < {now + :seconds} "
    "ORDER BY updated_at LIMIT :limit)",
    parameters={"context": Kind.TEXT, "seconds": Kind.FLOAT, "limit": Kind.INT},
)


def purge_done(store: "SqlStore", *, older_than: timedelta, limit: int) -> int:
    """Forget at most ``limit`` deliveries that were done longer ago; how many. A message that comes
    again after that is handled again, so keep them longer than any broker keeps a message."""
    values = (store.context, -older_than.total_seconds(), limit)
    with store.short_transaction() as executor:
        return executor.change(_PURGE_DONE, values)


class SqlDeliveries:
    __slots__ = ("_owner", "_unit")

    def __init__(self, unit: "SqlUnitOfWork") -> None:
        self._unit = unit
        self._owner = (unit.context, unit.tenant)

    def find(self, message_id: str, endpoint: str) -> DeliveryRecord | None:
        if self._unit.buffer.deliveries:
            self._unit.flush()
        rows = self._unit.run(_FIND, (*self._owner, message_id, endpoint))
        if not rows:
            return None
        state, attempt, hand_overs = rows[0]
        return DeliveryRecord(state=DeliveryState(state), attempt=attempt, hand_overs=hand_overs)

    def done(self, delivery: Delivery) -> None:
        self._unit.check_open()
        self._unit.buffer.deliveries.append(delivery)

    def count_hand_over(self, delivery: Delivery) -> int:
        rows = self._unit.write(_COUNT_HAND_OVER, (*self._key(delivery), delivery.attempt))
        return rows[0][0] if rows else 0

    def advance(self, delivery: Delivery, *, failed: bool) -> bool:
        attempt = delivery.attempt
        state = DeliveryState.FAILED if failed else DeliveryState.WAITING
        rows = self._unit.write(
            _ADVANCE,
            (*self._key(delivery), attempt, attempt if failed else attempt + 1, state.value),
        )
        return bool(rows)

    def reopen(self, message_id: str, endpoint: str) -> int | None:
        rows = self._unit.write(_REOPEN, (*self._owner, message_id, endpoint))
        return rows[0][0] if rows else None

    def _key(self, delivery: Delivery) -> tuple[str, str, str, str]:
        return (*self._owner, delivery.envelope.metadata.id, delivery.endpoint)
