"""The one statement that writes what a unit of work buffered, on PostgreSQL.

It is a chain of data-modifying common table expressions. PostgreSQL promises no order among them,
so each step reads how many rows the step before it touched and writes nothing unless they were all.
A last expression checks the counts and fails on a shortfall, which undoes the whole statement:
therefore it can be a transaction by itself, without BEGIN and COMMIT.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.sql.event_fence import HELD_FENCE
from adapters.sql.failures import SHORTFALL_MARK
from adapters.sql.message_table import SETTLED_COLUMNS
from adapters.sql.records import CompiledMapping
from adapters.sql.rows import EVENT_COLUMNS, MESSAGE_COLUMNS
from adapters.sql.statements import ARRAY_OF, Kind, Statement, prepared_name
from adapters.sql.titles import Title

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


def chain_of(shape: Shape) -> Statement:
    return _Chain(shape).statement()


class _Chain:
    """Builds the statement of one shape."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._kinds: list[Kind] = []
        self._steps: list[str] = []
        self._checks: list[str] = []
        self._written: list[str] = []  # verbs and tables
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
            title=Title.of("flush", self._tables(), summary=" ".join(dict.fromkeys(self._written))),
            postgresql=text,
            sqlite="",
            sqlite_order=(),
            parameters=tuple(self._kinds),
            columns=(),
            name=prepared_name(text),
        )

    def _tables(self) -> list[str]:
        return list(dict.fromkeys(written.partition(" ")[2] for written in self._written))

    def _parameter(self, kind: Kind) -> str:
        self._kinds.append(kind)
        return f"${len(self._kinds)}"

    def _parameters(self, kinds: Sequence[Kind]) -> list[str]:
        return [self._parameter(kind) for kind in kinds]

    def _step(self, name: str, text: str, *, table: str, expected: str | None) -> None:
        """``expected``: the number of rows it must touch; None: any."""
        self._steps.append(f"{name} AS ({text})")
        self._written.append(f"{text.partition(' ')[0]} {table}")
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
        row, source, _ = self._rows(self._shape.settled, SETTLED_COLUMNS, "given")
        self._step(
            "settled",
            f"DELETE FROM runtime_message AS waiting {'USING ' + source if source else ''} "
            f"WHERE waiting.handed_over AND waiting.context IN ({self._context}, {row['source']}) "
            f"AND waiting.message_id = {row['message_id']} "
            f"AND waiting.endpoint = {row['endpoint']} AND waiting.channel = {row['channel']} "
            f"AND waiting.attempt <= {row['attempt']}",
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
