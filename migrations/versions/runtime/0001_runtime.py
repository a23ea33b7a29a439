"""The runtime's tables: events, message table, deliveries, failed messages, positions."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from adapters.sql.columns import Timestamp, id_text, row_id

revision: str = "runtime_0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = ("runtime",)
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _create_event()
    _create_message()
    _create_delivery()
    _create_failed_message()
    _create_attempt()
    _create_position()
    _tune_postgresql()


def downgrade() -> None:
    for table in (
        "runtime_wake_up",
        "runtime_position",
        "runtime_attempt",
        "runtime_failed_message",
        "runtime_delivery",
        "runtime_message",
        "runtime_event",
    ):
        op.drop_table(table)


def _owner() -> tuple[sa.Column[str], sa.Column[str]]:
    return (
        sa.Column("context", id_text(), nullable=False),
        sa.Column("tenant", id_text(), nullable=False, server_default=""),
    )


def _envelope() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("name", id_text(), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("content_type", id_text(), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("correlation_id", id_text(), nullable=False),
        sa.Column("parent_id", id_text()),
        sa.Column("source", id_text(), nullable=False),
        sa.Column("trace", id_text(), nullable=False),
        sa.Column("sent_at", Timestamp, nullable=False),
    )


def _create_event() -> None:
    op.create_table(
        "runtime_event",
        sa.Column("position", row_id(), autoincrement=True, nullable=False),
        *_owner(),
        sa.Column("stream", id_text(), nullable=False),
        sa.Column("aggregate", id_text(), nullable=False),
        sa.Column("aggregate_id", id_text(), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("event_id", id_text(), nullable=False),
        *_envelope(),
        sa.PrimaryKeyConstraint("position", name="runtime_event_pkey"),
        sa.UniqueConstraint(
            "context",
            "tenant",
            "stream",
            "aggregate",
            "aggregate_id",
            "version",
            name="runtime_event_version_key",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "runtime_event_log_index",
        "runtime_event",
        [sa.text("(context || ':' || tenant || ':' || stream)"), "position"],
    )


def _create_message() -> None:
    op.create_table(
        "runtime_message",
        sa.Column("id", row_id(), autoincrement=True, nullable=False),
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
        sa.Column("due_at", Timestamp),
        sa.Column("available_at", Timestamp),
        sa.Column("expires_at", Timestamp),
        sa.Column("claimed_until", Timestamp),
        sa.Column("claim_token", id_text()),
        sa.Column("hand_overs", sa.Integer, nullable=False, server_default="0"),
        sa.Column("handed_over", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("id", name="runtime_message_pkey"),
        sqlite_autoincrement=True,
    )
    place = ["context", "channel"]
    for name, columns, where in (
        ("ready", [*place, sa.text("priority DESC"), "id"], "delayed = false"),
        ("delayed", [*place, "due_at"], "delayed = true"),
        ("key", [*place, "partition_key", "id"], "partition_key <> ''"),
        ("keyed", [*place, "id"], "partition_key <> '' AND delayed = false"),
        ("handed_over", ["context", "message_id", "endpoint"], "handed_over = true"),
        ("expiry", ["context", "expires_at"], "expires_at IS NOT NULL"),
    ):
        op.create_index(
            f"runtime_message_{name}_index",
            "runtime_message",
            columns,
            postgresql_where=sa.text(where),
            sqlite_where=sa.text(where),
        )


def _create_delivery() -> None:
    op.create_table(
        "runtime_delivery",
        *_owner(),
        sa.Column("message_id", id_text(), nullable=False),
        sa.Column("endpoint", id_text(), nullable=False),
        sa.Column("state", id_text(), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("hand_overs", sa.Integer, nullable=False, server_default="0"),
        sa.Column("updated_at", Timestamp, nullable=False),
        sa.PrimaryKeyConstraint(
            "context", "tenant", "message_id", "endpoint", name="runtime_delivery_pkey"
        ),
    )
    op.create_index(
        "runtime_delivery_done_index",
        "runtime_delivery",
        ["context", "updated_at"],
        postgresql_where=sa.text("state = 'done'"),
        sqlite_where=sa.text("state = 'done'"),
    )


def _create_failed_message() -> None:
    op.create_table(
        "runtime_failed_message",
        *_owner(),
        sa.Column("id", id_text(), nullable=False),
        sa.Column("channel", id_text(), nullable=False),
        sa.Column("endpoint", id_text(), nullable=False),
        sa.Column("message_id", id_text(), nullable=False),
        sa.Column("name", id_text(), nullable=False),
        sa.Column("correlation_id", id_text(), nullable=False),
        sa.Column("exception", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("stack_trace", sa.Text, nullable=False),
        sa.Column("failed_at", Timestamp, nullable=False),
        sa.Column("failure_trace", id_text(), nullable=False),
        sa.Column("delivery", sa.Text),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("deleted_at", Timestamp),
        sa.PrimaryKeyConstraint("context", "tenant", "id", name="runtime_failed_message_pkey"),
    )
    op.create_index(
        "runtime_failed_message_age_index",
        "runtime_failed_message",
        ["failed_at", "id"],
    )


def _create_attempt() -> None:
    op.create_table(
        "runtime_attempt",
        sa.Column("id", row_id(), autoincrement=True, nullable=False),
        *_owner(),
        sa.Column("failed_message_id", id_text(), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("outcome", id_text(), nullable=False),
        sa.Column("at", Timestamp, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("trace", id_text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="runtime_attempt_pkey"),
    )
    op.create_index(
        "runtime_attempt_message_index",
        "runtime_attempt",
        ["context", "tenant", "failed_message_id", "id"],
    )


def _create_position() -> None:
    op.create_table(
        "runtime_position",
        *_owner(),
        sa.Column("projection", id_text(), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("status", id_text(), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("rebuild_target", sa.BigInteger, nullable=False),
        sa.Column("advanced_at", Timestamp),
        sa.PrimaryKeyConstraint("context", "tenant", "projection", name="runtime_position_pkey"),
    )
    op.create_table(
        "runtime_wake_up",
        *_owner(),
        sa.Column("projection", id_text(), nullable=False),
        sa.Column("woken_at", Timestamp, nullable=False),
        sa.PrimaryKeyConstraint("context", "tenant", "projection", name="runtime_wake_up_pkey"),
    )


def _tune_postgresql() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    # Rows come and go all day: clean up early, and leave room for an update on the same page.
    op.execute(
        "ALTER TABLE runtime_message SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, "
        "autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0)"
    )
    op.execute("ALTER TABLE runtime_delivery SET (fillfactor = 90)")
