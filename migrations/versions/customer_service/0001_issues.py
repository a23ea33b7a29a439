"""Issues and their numbers."""

import sqlalchemy as sa
from alembic import op

from adapters.sql.columns import Timestamp, id_text
from adapters.sql.number_series import create_number_series, drop_number_series

revision = "customer_service_0001"
down_revision = None
branch_labels = ("customer_service",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_service_issue",
        sa.Column("issue_id", id_text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("email", id_text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("ticket_id", id_text(), nullable=False),
        sa.Column("correlation_id", id_text(), nullable=False),
        sa.Column("state", id_text(), nullable=False),
        sa.Column("confirmation", id_text(), nullable=False),
        sa.Column("ticket_version", sa.Integer(), nullable=False),
        sa.Column("cancellation_reason", sa.Text(), nullable=False),
        sa.Column("reported_at", Timestamp(), nullable=False),
        sa.Column("changed_at", Timestamp(), nullable=False),
        sa.Column("arrived_at", Timestamp(), nullable=True),
        sa.Column("in_work_at", Timestamp(), nullable=True),
        sa.Column("resolved_at", Timestamp(), nullable=True),
        sa.Column("cancelled_at", Timestamp(), nullable=True),
        sa.Column("closed_at", Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("issue_id", name="customer_service_issue_pkey"),
        sa.UniqueConstraint("number", name="customer_service_issue_number_key"),
    )
    op.create_index(
        "customer_service_issue_email_index",
        "customer_service_issue",
        ["email", "state", "number"],
    )
    create_number_series(op.get_bind(), "customer_service_issue_number")


def downgrade() -> None:
    drop_number_series(op.get_bind(), "customer_service_issue_number")
    op.drop_table("customer_service_issue")
