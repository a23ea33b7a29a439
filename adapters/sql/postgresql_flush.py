"""Everything that a unit of work buffered, sent to PostgreSQL as one statement.

The statement is a chain of data-modifying common table expressions. PostgreSQL promises no order
among them, so each step reads how many rows the step before it touched and writes nothing unless
they were all. A last expression checks the counts and fails on a shortfall, which undoes the whole
statement: therefore it can be a transaction by itself, without BEGIN and COMMIT.

The text depends only on the *shape* of the buffer (which kinds of rows, one or many); it is built
when a shape is first met and prepared once per connection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.sql.buffer import Buffer
from adapters.sql.event_fence import HELD_FENCE
from adapters.sql.executor import Row
from adapters.sql.failures import SHORTFALL_MARK, Shortfall, UniqueViolation
from adapters.sql.positions import SAVE_POSITION, position_values
from adapters.sql.postgresql import PostgresqlExecutor
from adapters.sql.records import CompiledMapping, Record
from adapters.sql.rows import EVENT_COLUMNS, MESSAGE_COLUMNS, event_values, message_values
from adapters.sql.statements import ARRAY_OF, Kind, Statement, prepared_name
from ports.errors import AlreadyDelivered, ConcurrencyConflict

# Beyond this many state-stored aggregates the shapes would become too many to prepare them all.
_AGGREGATES_IN_CHAIN = 2

ONE = 1
MANY = 2

AggregateShape = tuple[CompiledMapping, bool]  # True: insert


@dataclass(frozen=True, slots=True)
class Shape:
    consumed: int = 0
    settled: int = 0
    deliveries: int = 0
    aggregates: tuple[AggregateShape, ...] = ()
    events: int = 0
    follows: int = 0  # whether the events have predecessors that must be there
    fenced: bool = False  # the transaction holds its fence already
    messages: int = 0


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
            statement = self._statements[shape] = _Chain(shape).statement()
        try:
            if committing:
                executor.run_committing(statement, values)
            else:
                executor.run(statement, values)
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
        settled = [(one.envelope.metadata.id, one.endpoint, one.attempt) for one in buffer.settled]
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


class _Chain:
    """Builds the statement of one shape."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._kinds: list[Kind] = []
        self._steps: list[str] = []
        self._checks: list[str] = []
        self._tables: list[str] = []
        self._condition = "true"  # that the step before touched all its rows
        self._context = self._parameter(Kind.TEXT)
        self._tenant = self._parameter(Kind.TEXT)

    def statement(self) -> Statement:
        shape = self._shape
        if shape.consumed:
            self._consume()
        if shape.settled:
            self._settle()
        if shape.deliveries:
            self._deliver()
        for number, (mapping, insert) in enumerate(shape.aggregates):
            self._save(number, mapping, insert=insert)
        if shape.events:
            self._append()
        if shape.messages:
            self._send()
        guard = f"CASE {' '.join(self._checks)} ELSE 0 END" if self._checks else "0"
        text = f"WITH {', '.join(self._steps)} SELECT {guard}"
        return Statement(
            title=f"WRITE {', '.join(dict.fromkeys(self._tables))}",
            postgresql=text,
            sqlite="",
            parameters=tuple(self._kinds),
            columns=(),
            name=prepared_name(text),
        )

    def _parameter(self, kind: Kind) -> str:
        self._kinds.append(kind)
        return f"${len(self._kinds)}"

    def _parameters(self, kinds: Sequence[Kind]) -> list[str]:
        return [self._parameter(kind) for kind in kinds]

    def _step(self, name: str, text: str, *, table: str, expected: str | None) -> None:
        """``expected``: the number of rows it must touch; None: any."""
        self._steps.append(f"{name} AS ({text})")
        self._tables.append(table)
        if expected is None:
            return
        count = f"(SELECT count(*) FROM {name})"
        self._condition = f"{count} = {expected}"
        # Concatenated with the count, so that nobody tries to read it before the step has run.
        self._checks.append(
            f"WHEN {count} <> {expected} "
            f"THEN CAST('{SHORTFALL_MARK}{name}: ' || {count} AS integer)"
        )

    def _rows(
        self, number: int, columns: dict[str, Kind], alias: str
    ) -> tuple[dict[str, str], str, str]:
        """Expressions for the columns, the FROM item they come from, and the number of rows."""
        if number == ONE:
            values = self._parameters(list(columns.values()))
            return dict(zip(columns, values, strict=True)), "", "1"
        expected = self._parameter(Kind.INT)
        arrays = self._parameters([ARRAY_OF[kind] for kind in columns.values()])
        source = (
            f"unnest({', '.join(arrays)}) WITH ORDINALITY AS {alias}({', '.join(columns)}, place)"
        )
        return {name: f"{alias}.{name}" for name in columns}, source, expected

    def _consume(self) -> None:
        columns = {"id": Kind.INT, "claim_token": Kind.TEXT}
        row, source, expected = self._rows(self._shape.consumed, columns, "given")
        self._step(
            "consumed",
            f"DELETE FROM runtime_message AS waiting {'USING ' + source if source else ''} "
            f"WHERE waiting.id = {row['id']} AND waiting.claim_token = {row['claim_token']} "
            f"AND waiting.context = {self._context} RETURNING 1",
            table="runtime_message",
            expected=expected,
        )

    def _settle(self) -> None:
        columns = {"message_id": Kind.TEXT, "endpoint": Kind.TEXT, "attempt": Kind.INT}
        row, source, _ = self._rows(self._shape.settled, columns, "given")
        self._step(
            "settled",
            f"DELETE FROM runtime_message AS waiting {'USING ' + source if source else ''} "
            f"WHERE waiting.handed_over AND waiting.context = {self._context} "
            f"AND waiting.message_id = {row['message_id']} "
            f"AND waiting.endpoint = {row['endpoint']} AND waiting.attempt <= {row['attempt']}",
            table="runtime_message",
            expected=None,
        )

    def _deliver(self) -> None:
        columns = {"message_id": Kind.TEXT, "endpoint": Kind.TEXT, "attempt": Kind.INT}
        row, source, expected = self._rows(self._shape.deliveries, columns, "given")
        self._step(
            "deliveries",
            "INSERT INTO runtime_delivery AS found "
            "(context, tenant, message_id, endpoint, state, attempt, updated_at) "
            f"SELECT {self._context}, {self._tenant}, {row['message_id']}, {row['endpoint']}, "
            f"'done', {row['attempt']}, statement_timestamp() {'FROM ' + source if source else ''} "
            f"WHERE {self._condition} {'ORDER BY given.place' if source else ''} "
            "ON CONFLICT (context, tenant, message_id, endpoint) DO UPDATE "
            "SET state = 'done', attempt = excluded.attempt, updated_at = excluded.updated_at "
            "WHERE found.state = 'waiting' AND found.attempt <= excluded.attempt RETURNING 1",
            table="runtime_delivery",
            expected=expected,
        )

    def _save(self, number: int, mapping: CompiledMapping, *, insert: bool) -> None:
        values = self._parameters([Kind.READY] * len(mapping.names))
        if insert:
            typed = (
                f"CAST({value} AS {kind})"
                for value, kind in zip(values, mapping.types, strict=True)
            )
            text = (
                f"INSERT INTO {mapping.table} ({', '.join(mapping.quoted)}, {mapping.version}) "
                f"SELECT {', '.join(typed)}, 1 WHERE {self._condition} "
                f"ON CONFLICT ({mapping.identifier}) DO NOTHING RETURNING 1"
            )
        else:
            expected = self._parameter(Kind.READY)
            named = dict(zip(mapping.quoted, values, strict=True))
            identifier = named.pop(mapping.identifier)
            changes = "".join(f", {name} = {value}" for name, value in named.items())
            text = (
                f"UPDATE {mapping.table} SET {mapping.version} = {expected} + 1{changes} "
                f"WHERE {mapping.identifier} = {identifier} AND {mapping.version} = {expected} "
                f"AND {self._condition} RETURNING 1"
            )
        self._step(f"aggregate{number}", text, table=mapping.mapping.table.name, expected="1")

    def _append(self) -> None:
        row, source, expected = self._rows(self._shape.events, EVENT_COLUMNS, "given")
        condition = self._condition
        if not self._shape.fenced:
            self._steps.append(f"fence AS MATERIALIZED ({HELD_FENCE} WHERE {condition})")
            source = f"fence, {source}" if source else "fence"
            condition = "true"
        if self._shape.follows:
            condition += f" AND {self._predecessors(row)}"
        self._step(
            "events",
            f"INSERT INTO runtime_event (context, tenant, {', '.join(EVENT_COLUMNS)}) "
            f"SELECT {self._context}, {self._tenant}, {', '.join(row.values())} "
            f"{'FROM ' + source if source else ''} WHERE {condition} "
            f"{'ORDER BY given.place' if self._shape.events == MANY else ''} RETURNING 1",
            table="runtime_event",
            expected=expected,
        )

    def _predecessors(self, row: dict[str, str]) -> str:
        """That the newest stored version of each instance is the one that the events follow on."""
        if self._shape.events == ONE:
            return f"({self._newest(row)}) = {row['version']} - 1"
        number = self._parameter(Kind.INT)
        arrays = self._parameters([Kind.TEXTS, Kind.TEXTS, Kind.TEXTS, Kind.INTS])
        head = {name: f"head.{name}" for name in ("stream", "aggregate", "aggregate_id")}
        return (
            f"(SELECT count(*) FROM unnest({', '.join(arrays)}) "
            "AS head(stream, aggregate, aggregate_id, version) "
            f"WHERE ({self._newest(head)}) = head.version) = {number}"
        )

    def _newest(self, row: dict[str, str]) -> str:
        # Ordered, although asking whether one version exists would do: without statistics, as on a
        # young table, PostgreSQL would look for it by walking the whole stream.
        return (
            f"SELECT stored.version FROM runtime_event AS stored "
            f"WHERE stored.context = {self._context} AND stored.tenant = {self._tenant} "
            f"AND stored.stream = {row['stream']} AND stored.aggregate = {row['aggregate']} "
            f"AND stored.aggregate_id = {row['aggregate_id']} ORDER BY stored.version DESC LIMIT 1"
        )

    def _send(self) -> None:
        row, source, _ = self._rows(self._shape.messages, MESSAGE_COLUMNS, "given")
        available = row["available_at"]
        is_delayed = f"COALESCE({available} > statement_timestamp(), false)"
        due = f"CASE WHEN {available} > statement_timestamp() THEN {available} END"
        self._step(
            "messages",
            f"INSERT INTO runtime_message (context, created_at, delayed, due_at, "
            f"{', '.join(MESSAGE_COLUMNS)}) SELECT {self._context}, statement_timestamp(), "
            f"{is_delayed}, {due}, {', '.join(row.values())} {'FROM ' + source if source else ''} "
            f"WHERE {self._condition} {'ORDER BY given.place' if source else ''}",
            table="runtime_message",
            expected=None,
        )
