"""Heartbeats of processes and the progress of long work."""

import sqlalchemy as sa
from alembic import op

from adapters.sql.columns import Timestamp, id_text

revision = "runtime_0003"
down_revision = "runtime_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runtime_heartbeat",
        sa.Column("process", id_text(), nullable=False),
        sa.Column("kind", id_text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("channels", sa.Text(), nullable=False),
        sa.Column("started_at", Timestamp(), nullable=False),
        sa.Column("seen_at", Timestamp(), nullable=False),
        sa.Column("handled", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("handling", sa.Text(), nullable=False),
        sa.Column("handling_since", Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("process", name="runtime_heartbeat_pkey"),
    )
    op.create_index("runtime_heartbeat_seen_at_index", "runtime_heartbeat", ["seen_at"])
    op.create_table(
        "runtime_job",
        sa.Column("id", id_text(), nullable=False),
        sa.Column("kind", id_text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", Timestamp(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("finished_at", Timestamp(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="runtime_job_pkey"),
    )
    op.create_index("runtime_job_started_at_index", "runtime_job", ["started_at"])


def downgrade() -> None:
    op.drop_table("runtime_job")
    op.drop_table("runtime_heartbeat")
