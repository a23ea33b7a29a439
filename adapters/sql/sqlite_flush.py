"""Everything that a unit of work buffered, sent to SQLite.

The database is part of the process: a statement costs microseconds and no round trip, so plain
statements in one transaction are as quick as it gets. The transaction is the only writer, so what
was checked stays true until the commit.
"""

from adapters.sql.buffer import Buffer
from adapters.sql.deliveries import RECORD_DONE
from adapters.sql.event_store import EVENT_IS_THERE, INSERT_EVENT
from adapters.sql.failures import UniqueViolation
from adapters.sql.message_table import (
    CONSUME_MESSAGE,
    INSERT_MESSAGE,
    SETTLE_MESSAGE,
    settled_values,
)
from adapters.sql.positions import SAVE_POSITION, position_values
from adapters.sql.records import Record
from adapters.sql.rows import event_values, message_values
from adapters.sql.sqlite import SqliteExecutor
from ports.errors import AlreadyDelivered


class SqliteFlush:
    """Shared by all units of work of a store; without state."""

    def __init__(self, context: str, tenant: str) -> None:
        self._owner = (context, tenant)

    def flush(self, executor: SqliteExecutor, buffer: Buffer) -> None:
        """Send it within the transaction that is under way.

        Raises:
            AlreadyDelivered, ConcurrencyConflict: the transaction must be rolled back.
        """
        self._flush_deliveries(executor, buffer)
        for record in buffer.sorted_aggregates():
            _save(executor, record)
        if buffer.events:
            self._append(executor, buffer)
        if buffer.messages:
            context = self._owner[0]
            executor.change_many(
                INSERT_MESSAGE,
                [(context, *message_values(delivery)) for delivery in buffer.messages],
            )
        for position in buffer.positions.values():
            executor.run(SAVE_POSITION, (*self._owner, *position_values(position)))

    def _flush_deliveries(self, executor: SqliteExecutor, buffer: Buffer) -> None:
        context = self._owner[0]
        for leased in buffer.consumed:
            if executor.change(CONSUME_MESSAGE, (context, leased.row_id, leased.token)) != 1:
                delivery = leased.delivery
                raise AlreadyDelivered(delivery.envelope.metadata.id, delivery.endpoint)
        for delivery in buffer.settled:
            executor.run(SETTLE_MESSAGE, (context, *settled_values(delivery)))
        for delivery in buffer.sorted_deliveries():
            key = (delivery.envelope.metadata.id, delivery.endpoint)
            if executor.change(RECORD_DONE, (*self._owner, *key, delivery.attempt)) != 1:
                raise AlreadyDelivered(*key)

    def _append(self, executor: SqliteExecutor, buffer: Buffer) -> None:
        for predecessor in buffer.predecessors():
            if not executor.run(EVENT_IS_THERE, (*self._owner, *predecessor))[0][0]:
                raise buffer.conflict_of_events()
        try:
            executor.change_many(
                INSERT_EVENT, [(*self._owner, *event_values(event)) for event in buffer.events]
            )
        except UniqueViolation as error:
            raise buffer.conflict_of_events() from error


def _save(executor: SqliteExecutor, record: Record) -> None:
    mapping = record.mapping
    try:
        if record.expected_version:
            touched = executor.change(mapping.update, (*record.row, record.expected_version))
        else:
            touched = executor.change(mapping.insert, record.row)
    except UniqueViolation as error:
        raise record.conflict() from error
    if touched != 1:
        raise record.conflict()
