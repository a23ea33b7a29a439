"""The message table, as a unit of work writes to it. Taking from it: ``waiting_deliveries.py``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.sql.executor import Row
from adapters.sql.removed_channels import DELETE_ROWS, LOCK_ROWS
from adapters.sql.rows import MESSAGE_COLUMNS, MESSAGE_WIDTH, delivery_from
from adapters.sql.statements import Kind, statement
from ports.messages import Delivery
from ports.outbound.message_table import Leased, Taken

if TYPE_CHECKING:
    from adapters.sql.unit_of_work import SqlUnitOfWork

# For SQLite, which takes the rows one by one; PostgreSQL's flush builds its own.
INSERT_MESSAGE = statement(
    "INSERT runtime_message",
    "INSERT INTO runtime_message (context, created_at, delayed, due_at, "
    f"{', '.join(MESSAGE_COLUMNS)}) VALUES (:context, {{now}}, "
    "COALESCE(:available_at > {now}, false), "
    "CASE WHEN :available_at > {now} THEN :available_at END, "
    f"{', '.join(f':{name}' for name in MESSAGE_COLUMNS)})",
    parameters={"context": Kind.TEXT, **MESSAGE_COLUMNS},
)
CONSUME_MESSAGE = statement(
    "DELETE runtime_message",
    "DELETE FROM runtime_message WHERE id = :id AND context = :context AND claim_token = :token",
    parameters={"context": Kind.TEXT, "id": Kind.INT, "token": Kind.TEXT},
)
# A message of another context was kept there, in the same store.
SETTLED_COLUMNS = {
    "source": Kind.TEXT,
    "message_id": Kind.TEXT,
    "endpoint": Kind.TEXT,
    "channel": Kind.TEXT,
    "attempt": Kind.INT,
}
SETTLE_MESSAGE = statement(
    "DELETE runtime_message",
    "DELETE FROM runtime_message WHERE handed_over = true AND context IN (:context, :source) "
    "AND message_id = :message_id AND endpoint = :endpoint AND channel = :channel "
    "AND attempt <= :attempt",
    parameters={"context": Kind.TEXT, **SETTLED_COLUMNS},
)


def settled_values(delivery: Delivery) -> Row:
    metadata = delivery.envelope.metadata
    return (
        metadata.source,
        metadata.id,
        delivery.endpoint,
        delivery.channel,
        delivery.attempt,
    )


class SqlMessageTable:
    __slots__ = ("_unit",)

    def __init__(self, unit: "SqlUnitOfWork") -> None:
        self._unit = unit

    def add(self, delivery: Delivery) -> None:
        self._unit.check_open()
        self._unit.buffer.messages.append(delivery)

    def consume(self, leased: Leased) -> None:
        self._unit.check_open()
        self._unit.buffer.consumed.append(leased)

    def settle(self, delivery: Delivery) -> None:
        self._unit.check_open()
        self._unit.buffer.settled.append(delivery)

    def take(self, channel: str, *, limit: int) -> Sequence[Taken]:
        rows: list[Row] = []
        for lock in LOCK_ROWS:
            if len(rows) < limit:
                rows += self._unit.write(lock, (self._unit.context, channel, limit - len(rows)))
        if rows:
            self._unit.write(DELETE_ROWS, ([row[MESSAGE_WIDTH] for row in rows],))
        return [
            Taken(delivery=delivery_from(row), has_outcome=row[MESSAGE_WIDTH + 1]) for row in rows
        ]
