"""Spans and caught mails."""

import sqlalchemy as sa
from alembic import op

from adapters.sql.columns import Timestamp, id_text, row_id

revision = "monitoring_0001"
down_revision = None
branch_labels = ("monitoring",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "monitoring_span",
        sa.Column("trace_id", id_text(), nullable=False),
        sa.Column("span_id", id_text(), nullable=False),
        sa.Column("parent_id", id_text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", id_text(), nullable=False),
        sa.Column("service", id_text(), nullable=False),
        sa.Column("started_at", Timestamp(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("exception", sa.Text(), nullable=False),
        sa.Column("stack_trace", sa.Text(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("links", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "span_id", name="monitoring_span_pkey"),
    )
    op.create_table(
        "monitoring_trace",
        sa.Column("trace_id", id_text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service", id_text(), nullable=False),
        sa.Column("started_at", Timestamp(), nullable=False),
        sa.Column("ended_at", Timestamp(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("spans", sa.Integer(), nullable=False),
        sa.Column("failed_spans", sa.Integer(), nullable=False),
        sa.Column("correlation_id", id_text(), nullable=False),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", name="monitoring_trace_pkey"),
    )
    op.create_index("monitoring_trace_started_at_index", "monitoring_trace", ["started_at"])
    op.create_index("monitoring_trace_correlation_id_index", "monitoring_trace", ["correlation_id"])
    op.create_table(
        "monitoring_trace_message",
        sa.Column("message_id", id_text(), nullable=False),
        sa.Column("trace_id", id_text(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "trace_id", name="monitoring_trace_message_pkey"),
    )
    op.create_index(
        "monitoring_trace_message_trace_id_index", "monitoring_trace_message", ["trace_id"]
    )
    op.create_table(
        "monitoring_mail",
        sa.Column("row", row_id(), autoincrement=True, nullable=False),
        sa.Column("mail_id", id_text(), nullable=False),
        sa.Column("caught_at", Timestamp(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message_id", id_text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("row", name="monitoring_mail_pkey"),
        sa.UniqueConstraint("mail_id", name="monitoring_mail_mail_id_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("monitoring_mail_caught_at_index", "monitoring_mail", ["caught_at"])


def downgrade() -> None:
    op.drop_table("monitoring_mail")
    op.drop_table("monitoring_trace_message")
    op.drop_table("monitoring_trace")
    op.drop_table("monitoring_span")
