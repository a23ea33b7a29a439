"""Everything that a unit of work buffered, sent to PostgreSQL as one statement.

Its text depends only on the *shape* of the buffer (which kinds of rows, one or many); it is built
when a shape is first met and prepared once per connection.
"""

from collections.abc import Sequence

from adapters.sql.buffer import Buffer
from adapters.sql.executor import Row
from adapters.sql.failures import Shortfall, UniqueViolation
from adapters.sql.message_table import settled_values
from adapters.sql.positions import SAVE_POSITION, position_values
from adapters.sql.postgresql import PostgresqlExecutor
from adapters.sql.postgresql_chain import MANY, Shape, chain_of
from adapters.sql.records import Record
from adapters.sql.rows import event_values, message_values
from adapters.sql.statements import Statement
from ports.errors import AlreadyDelivered, ConcurrencyConflict

# Beyond this many state-stored aggregates the shapes would become too many to prepare them all.
_AGGREGATES_IN_CHAIN = 2


class PostgresqlFlush:
    """Shared by all units of work of a store; immutable but for the statements it has built."""

    def __init__(self, context: str, tenant: str) -> None:
        self._owner = (context, tenant)
        self._statements: dict[Shape, Statement] = {}

    def flush(self, executor: PostgresqlExecutor, buffer: Buffer, *, fenced: bool) -> None:
        """Send it within the transaction that is under way.

        Raises:
            AlreadyDelivered, ConcurrencyConflict: the transaction must be rolled back.
        """
        with_positions = buffer.positions
        records = buffer.sorted_aggregates()
        if len(records) > _AGGREGATES_IN_CHAIN:
            self._flush_in_parts(executor, buffer, records, fenced=fenced)
        else:
            self._run(executor, buffer, records, fenced=fenced, committing=False)
        for position in with_positions.values():
            executor.run(SAVE_POSITION, (*self._owner, *position_values(position)))

    def commit_at_once(self, executor: PostgresqlExecutor, buffer: Buffer) -> bool:
        """Send it as a transaction of its own. False: it needs more than one statement, and nothing
        was sent.

        Raises:
            AlreadyDelivered, ConcurrencyConflict, CommitOutcomeUnknown
        """
        if buffer.positions or len(buffer.aggregates) > _AGGREGATES_IN_CHAIN:
            return False
        records = buffer.sorted_aggregates()
        self._run(executor, buffer, records, fenced=False, committing=True)
        return True

    def _flush_in_parts(
        self,
        executor: PostgresqlExecutor,
        buffer: Buffer,
        records: Sequence[Record],
        *,
        fenced: bool,
    ) -> None:
        first, last = Buffer(), Buffer()
        first.consumed, first.settled = buffer.consumed, buffer.settled
        first.deliveries = buffer.deliveries
        last.events, last.messages = buffer.events, buffer.messages
        self._run(executor, first, (), fenced=True, committing=False)
        for record in records:
            mapping = record.mapping
            values = executor.dump(record.row)
            statement = mapping.insert
            if record.expected_version:
                statement = mapping.update
                values.append(b"%d" % record.expected_version)
            try:
                touched = executor.change(statement, values)
            except UniqueViolation as error:
                raise record.conflict() from error
            if touched != 1:
                raise record.conflict()
        self._run(executor, last, (), fenced=fenced, committing=False)

    def _run(
        self,
        executor: PostgresqlExecutor,
        buffer: Buffer,
        records: Sequence[Record],
        *,
        fenced: bool,
        committing: bool,
    ) -> None:
        shape, values = self._values(executor, buffer, records, fenced=fenced)
        if len(values) == len(self._owner):
            return  # nothing but positions
        statement = self._statements.get(shape)
        if statement is None:
            statement = self._statements[shape] = chain_of(shape)
        span_name = _span_name(buffer, records) if executor.recording else ""
        try:
            if committing:
                executor.run_committing(statement, values, span_name=span_name)
            else:
                executor.run(statement, values, span_name=span_name)
        except Shortfall as error:
            raise _meaning(error.step, buffer, records) from error
        except UniqueViolation as error:
            raise _conflict(buffer, records, str(error)) from error

    def _values(
        self,
        executor: PostgresqlExecutor,
        buffer: Buffer,
        records: Sequence[Record],
        *,
        fenced: bool,
    ) -> tuple[Shape, list[object]]:
        """In the order in which :class:`_Chain` numbers its parameters."""
        values: list[object] = list(self._owner)
        consumed = [(one.row_id, one.token) for one in buffer.consumed]
        settled = [settled_values(delivery) for delivery in buffer.settled]
        deliveries = [
            (one.envelope.metadata.id, one.endpoint, one.attempt)
            for one in buffer.sorted_deliveries()
        ]
        for rows in (consumed, settled, deliveries):
            _add(values, rows)
        for record in records:
            values.extend(executor.dump(record.row))
            if record.expected_version:
                values.append(b"%d" % record.expected_version)
        predecessors = buffer.predecessors() if buffer.events else []
        _add(values, [event_values(event) for event in buffer.events])
        # A single event finds its predecessor by its own key.
        if len(buffer.events) > 1 and predecessors:
            _add(values, predecessors, always_many=True)
        _add(values, [message_values(delivery) for delivery in buffer.messages])
        return (
            Shape(
                consumed=_count(consumed),
                settled=_count(settled),
                deliveries=_count(deliveries),
                aggregates=tuple((one.mapping, not one.expected_version) for one in records),
                events=_count(buffer.events),
                follows=_count(predecessors),
                fenced=fenced,
                messages=_count(buffer.messages),
            ),
            values,
        )


def _span_name(buffer: Buffer, records: Sequence[Record]) -> str:
    counted = [
        (len(buffer.consumed), "taken message", "taken messages"),
        (len(buffer.deliveries), "delivery", "deliveries"),
        (len(records), "aggregate", "aggregates"),
        (len(buffer.events), "event", "events"),
        (len(buffer.messages), "message", "messages"),
    ]
    said = [f"{count} {one if count == 1 else many}" for count, one, many in counted if count]
    return f"flush: {', '.join(said)}" if said else ""


def _count(rows: Sequence[object]) -> int:
    return min(len(rows), MANY)


def _add(values: list[object], rows: Sequence[Row], *, always_many: bool = False) -> None:
    if len(rows) == 1 and not always_many:
        values.extend(rows[0])
    elif rows:
        values.append(len(rows))
        values.extend(zip(*rows, strict=True))


def _meaning(step: str, buffer: Buffer, records: Sequence[Record]) -> Exception:
    if step == "events":
        return buffer.conflict_of_events()
    if step.startswith("aggregate"):
        return records[int(step.removeprefix("aggregate"))].conflict()
    lost = buffer.consumed[0].delivery if step == "consumed" else buffer.sorted_deliveries()[0]
    return AlreadyDelivered(lost.envelope.metadata.id, lost.endpoint)


def _conflict(buffer: Buffer, records: Sequence[Record], reason: str) -> ConcurrencyConflict:
    if buffer.events and ("runtime_event" in reason or not records):
        return buffer.conflict_of_events()
    return records[0].conflict()
