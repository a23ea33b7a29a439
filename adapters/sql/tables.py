"""The runtime's own tables, as every store has them. ``migrations/versions/runtime`` makes them.

Rows of several contexts, and later of several tenants, may lie in one table: ``context`` and
``tenant`` are part of each key and readers filter by both.
"""

from typing import Any

import sqlalchemy as sa

from adapters.sql.columns import NAMING, Timestamp, id_text, row_id

runtime_metadata = sa.MetaData(naming_convention=NAMING)


def _owner() -> tuple[sa.Column[str], sa.Column[str]]:
    return (
        sa.Column("context", id_text(), nullable=False),
        sa.Column("tenant", id_text(), nullable=False, server_default=""),
    )


def _envelope() -> tuple[sa.Column[object], ...]:
    columns: tuple[sa.Column[object], ...] = (
        sa.Column("name", id_text(), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("content_type", id_text(), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),  # the user's own, as a JSON object
        sa.Column("correlation_id", id_text(), nullable=False),
        sa.Column("parent_id", id_text()),
        sa.Column("source", id_text(), nullable=False),
        sa.Column("trace", id_text(), nullable=False),
        sa.Column("sent_at", Timestamp, nullable=False),
    )
    return columns


event = sa.Table(
    "runtime_event",
    runtime_metadata,
    sa.Column("position", row_id(), primary_key=True, autoincrement=True),
    *_owner(),
    sa.Column("stream", id_text(), nullable=False),
    sa.Column("aggregate", id_text(), nullable=False),
    sa.Column("aggregate_id", id_text(), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("event_id", id_text(), nullable=False),
    *_envelope(),
    sa.UniqueConstraint(
        "context",
        "tenant",
        "stream",
        "aggregate",
        "aggregate_id",
        "version",
        name="runtime_event_version_key",
    ),
    # An expression, so that only readers of the log can use it. On plain columns PostgreSQL, before
    # it has statistics, would load single instances by walking their whole stream.
    sa.Index(
        "runtime_event_log_index",
        sa.text("(context || ':' || tenant || ':' || stream)"),
        "position",
    ),
    # A position is never drawn twice, even when the newest events were deleted.
    sqlite_autoincrement=True,
)

# A message waits in one of two partial indexes. ``runtime_message_ready_index`` holds what can be
# claimed now (or is leased: ``claimed_until`` lies ahead); what is delayed lies in
# ``runtime_message_delayed_index`` until it is due, so that a million delayed rows cost a claim
# nothing.
message = sa.Table(
    "runtime_message",
    runtime_metadata,
    sa.Column("id", row_id(), primary_key=True, autoincrement=True),
    *_owner(),
    sa.Column("channel", id_text(), nullable=False),
    sa.Column("endpoint", id_text(), nullable=False),
    sa.Column("message_id", id_text(), nullable=False),
    *_envelope(),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("first_attempt", sa.Integer, nullable=False),
    sa.Column("replayed", sa.Boolean, nullable=False),
    sa.Column("replay_trace", id_text(), nullable=False),
    sa.Column("priority", sa.SmallInteger, nullable=False),
    sa.Column("partition_key", id_text(), nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("delayed", sa.Boolean, nullable=False),
    sa.Column("due_at", Timestamp),  # when a delayed row is to be looked at again
    sa.Column("available_at", Timestamp),  # as the sender asked
    sa.Column("expires_at", Timestamp),
    sa.Column("claimed_until", Timestamp),
    sa.Column("claim_token", id_text()),
    sa.Column("hand_overs", sa.Integer, nullable=False, server_default="0"),
    # Given to a broker that confirms nothing; kept until the delivery has an outcome.
    sa.Column("handed_over", sa.Boolean, nullable=False, server_default=sa.false()),
    sqlite_autoincrement=True,
)


def _waiting_index(name: str, *columns: Any, where: str) -> None:
    # ``= true`` and not the bare column: SQLite compares the text with that of the query.
    sa.Index(name, *columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


_place = (message.c.context, message.c.channel)
_waiting_index(
    "runtime_message_ready_index",
    *_place,
    message.c.priority.desc(),
    message.c.id,
    where="delayed = false",
)
_waiting_index("runtime_message_delayed_index", *_place, message.c.due_at, where="delayed = true")
_waiting_index(
    "runtime_message_key_index",
    *_place,
    message.c.partition_key,
    message.c.id,
    where="partition_key <> ''",
)
_waiting_index(
    "runtime_message_keyed_index",
    *_place,
    message.c.id,
    where="partition_key <> '' AND delayed = false",
)
_waiting_index(
    "runtime_message_handed_over_index",
    message.c.context,
    message.c.message_id,
    message.c.endpoint,
    where="handed_over = true",
)
_waiting_index(
    "runtime_message_expiry_index",
    message.c.context,
    message.c.expires_at,
    where="expires_at IS NOT NULL",
)

delivery = sa.Table(
    "runtime_delivery",
    runtime_metadata,
    sa.Column("context", id_text(), primary_key=True),
    sa.Column("tenant", id_text(), primary_key=True, server_default=""),
    sa.Column("message_id", id_text(), primary_key=True),
    sa.Column("endpoint", id_text(), primary_key=True),
    sa.Column("state", id_text(), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("hand_overs", sa.Integer, nullable=False, server_default="0"),
    sa.Column("updated_at", Timestamp, nullable=False),
)
sa.Index(
    "runtime_delivery_done_index",
    delivery.c.context,
    delivery.c.updated_at,
    postgresql_where=sa.text("state = 'done'"),
    sqlite_where=sa.text("state = 'done'"),
)

failed_message = sa.Table(
    "runtime_failed_message",
    runtime_metadata,
    sa.Column("context", id_text(), primary_key=True),
    sa.Column("tenant", id_text(), primary_key=True, server_default=""),
    sa.Column("id", id_text(), primary_key=True),
    sa.Column("channel", id_text(), nullable=False),
    sa.Column("endpoint", id_text(), nullable=False),
    sa.Column("message_id", id_text(), nullable=False),
    sa.Column("name", id_text(), nullable=False),  # empty when the message could not be read
    sa.Column("correlation_id", id_text(), nullable=False),
    sa.Column("exception", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("stack_trace", sa.Text, nullable=False),
    sa.Column("failed_at", Timestamp, nullable=False),
    sa.Column("failure_trace", id_text(), nullable=False),
    sa.Column("delivery", sa.Text),  # JSON of all but the payload; null: unreadable
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sa.Column("deleted_at", Timestamp),
    # What failures with one cause have in common; see adapters/sql/failure_groups.py.
    sa.Column("signature", id_text(), nullable=False, server_default=""),
)


# Lists and counts read these indexes alone: the rows carry payloads and stack traces. None begins
# with the columns of the primary key, which must stay the way to a single row.
def _failed_index(name: str, *columns: str, where: str) -> None:
    sa.Index(
        f"runtime_failed_message_{name}_index",
        *[failed_message.c[column] for column in (*columns, "id", "context", "tenant")],
        postgresql_where=sa.text(where),
        sqlite_where=sa.text(where),
    )


_failed_index("open", "failed_at", where="deleted_at IS NULL")
_failed_index("deleted", "deleted_at", where="deleted_at IS NOT NULL")
_failed_index("group", "signature", "failed_at", where="deleted_at IS NULL")

attempt = sa.Table(
    "runtime_attempt",
    runtime_metadata,
    sa.Column("id", row_id(), primary_key=True, autoincrement=True),
    *_owner(),
    sa.Column("failed_message_id", id_text(), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("outcome", id_text(), nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("trace", id_text(), nullable=False),
    sa.Index("runtime_attempt_message_index", "context", "tenant", "failed_message_id", "id"),
)

position = sa.Table(
    "runtime_position",
    runtime_metadata,
    sa.Column("context", id_text(), primary_key=True),
    sa.Column("tenant", id_text(), primary_key=True, server_default=""),
    sa.Column("projection", id_text(), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("status", id_text(), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("rebuild_target", sa.BigInteger, nullable=False),
    sa.Column("advanced_at", Timestamp),
)

# Apart from the position, whose row a running batch holds locked: waking must not wait for it.
wake_up = sa.Table(
    "runtime_wake_up",
    runtime_metadata,
    sa.Column("context", id_text(), primary_key=True),
    sa.Column("tenant", id_text(), primary_key=True, server_default=""),
    sa.Column("projection", id_text(), primary_key=True),
    sa.Column("woken_at", Timestamp, nullable=False),
)
