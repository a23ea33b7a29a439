"""The tables of the message broker over SQL: messages, queues, exchanges, bindings, consumers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "broker_0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = ("broker",)
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # The transport makes the tables of its own SQLite file when they are missing; such a file is
    # taken over as it is. A PostgreSQL database that has them already must be looked at by people.
    made_before = op.get_context().dialect.name == "sqlite"
    _create_message(made_before)
    _create_queue_and_exchange(made_before)
    _create_binding(made_before)
    _create_consumer(made_before)
    _create_topology(made_before)


def downgrade() -> None:
    for table in (
        "broker_topology",
        "broker_consumer",
        "broker_binding",
        "broker_exchange",
        "broker_queue",
        "broker_message",
    ):
        op.drop_table(table)


def _name() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _create_message(made_before: bool) -> None:
    op.create_table(
        "broker_message",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("queue", _name(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("visible_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger()),
        sa.Column("token", sa.Text()),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("meta", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sqlite_autoincrement=True,
        postgresql_with={
            "fillfactor": 70,
            "autovacuum_vacuum_scale_factor": 0.02,
            "autovacuum_vacuum_threshold": 1000,
        },
        if_not_exists=made_before,
    )
    op.create_index(
        "broker_message_claim",
        "broker_message",
        ["queue", sa.text("priority DESC"), "id"],
        if_not_exists=made_before,
    )
    op.create_index(
        "broker_message_expiry",
        "broker_message",
        ["expires_at_ms"],
        postgresql_where=sa.text("expires_at_ms IS NOT NULL"),
        sqlite_where=sa.text("expires_at_ms IS NOT NULL"),
        if_not_exists=made_before,
    )


def _create_queue_and_exchange(made_before: bool) -> None:
    op.create_table(
        "broker_queue",
        sa.Column("name", _name(), primary_key=True),
        sa.Column("expires_after_ms", sa.BigInteger()),
        sa.Column("message_ttl_ms", sa.BigInteger()),
        sa.Column("auto_delete", sa.Boolean(), nullable=False),
        sa.Column("seen_at_ms", sa.BigInteger(), nullable=False),
        if_not_exists=made_before,
    )
    op.create_table(
        "broker_exchange",
        sa.Column("name", _name(), primary_key=True),
        sa.Column("type", sa.Text(), nullable=False),
        if_not_exists=made_before,
    )


def _create_binding(made_before: bool) -> None:
    op.create_table(
        "broker_binding",
        sa.Column("exchange", _name(), primary_key=True),
        sa.Column("routing_key", _name(), primary_key=True),
        sa.Column(
            "queue",
            _name(),
            sa.ForeignKey("broker_queue.name", ondelete="CASCADE", name="broker_binding_queue"),
            primary_key=True,
        ),
        if_not_exists=made_before,
    )
    op.create_index(
        "broker_binding_by_queue", "broker_binding", ["queue"], if_not_exists=made_before
    )


def _create_consumer(made_before: bool) -> None:
    op.create_table(
        "broker_consumer",
        sa.Column("token", sa.Text(), primary_key=True),
        sa.Column("tag", sa.Text(), primary_key=True),
        sa.Column("queue", _name(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        if_not_exists=made_before,
    )
    op.create_index(
        "broker_consumer_by_queue", "broker_consumer", ["queue"], if_not_exists=made_before
    )


def _create_topology(made_before: bool) -> None:
    op.create_table(
        "broker_topology",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="broker_topology_one_row"),
        if_not_exists=made_before,
    )
    op.execute(
        "INSERT INTO broker_topology (id, generation, version) VALUES (1, 1, 1) "
        "ON CONFLICT (id) DO NOTHING"
    )
