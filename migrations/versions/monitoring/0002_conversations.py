"""Tell conversations from requests that only looked, and lead from a linked trace back."""

import sqlalchemy as sa
from alembic import op

from adapters.sql.columns import id_text

revision = "monitoring_0002"
down_revision = "monitoring_0001"
branch_labels = None
depends_on = None

_FAILED = sa.text("failed_spans > 0")


def upgrade() -> None:
    op.add_column(
        "monitoring_trace",
        sa.Column("conversation", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    # Of what was kept before, as far as the names tell.
    op.execute(
        "UPDATE monitoring_trace SET conversation = true "
        "WHERE names LIKE '%sending to channel:%' OR names LIKE '%receiving from channel:%' "
        "OR name LIKE 'HTTP POST %' OR names LIKE '%command bus%'"
    )
    op.drop_index("monitoring_trace_started_at_index", table_name="monitoring_trace")
    op.create_index(
        "monitoring_trace_started_at_index", "monitoring_trace", ["started_at", "trace_id"]
    )
    op.create_index(
        "monitoring_trace_conversation_index",
        "monitoring_trace",
        ["conversation", "started_at", "trace_id"],
    )
    op.create_index(
        "monitoring_trace_failed_index",
        "monitoring_trace",
        ["started_at", "trace_id"],
        postgresql_where=_FAILED,
        sqlite_where=_FAILED,
    )
    op.create_table(
        "monitoring_trace_link",
        sa.Column("trace_id", id_text(), nullable=False),
        sa.Column("linked_id", id_text(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "linked_id", name="monitoring_trace_link_pkey"),
    )
    op.create_index("monitoring_trace_link_linked_id_index", "monitoring_trace_link", ["linked_id"])


def downgrade() -> None:
    op.drop_table("monitoring_trace_link")
    for name in ("failed", "conversation", "started_at"):
        op.drop_index(f"monitoring_trace_{name}_index", table_name="monitoring_trace")
    op.create_index("monitoring_trace_started_at_index", "monitoring_trace", ["started_at"])
    op.drop_column("monitoring_trace", "conversation")
