"""The tables of Customer Service. ``migrations/versions/customer_service`` makes them."""

import sqlalchemy as sa

from adapters.sql.columns import NAMING, Timestamp, id_text

customer_service_metadata = sa.MetaData(naming_convention=NAMING)

ISSUE_NUMBERS = "customer_service_issue_number"

issue = sa.Table(
    "customer_service_issue",
    customer_service_metadata,
    sa.Column("issue_id", id_text(), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("email", id_text(), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("ticket_id", id_text(), nullable=False),
    sa.Column("correlation_id", id_text(), nullable=False),
    sa.Column("state", id_text(), nullable=False),
    sa.Column("confirmation", id_text(), nullable=False),
    sa.Column("ticket_version", sa.Integer, nullable=False),
    sa.Column("cancellation_reason", sa.Text, nullable=False),
    sa.Column("reported_at", Timestamp, nullable=False),
    sa.Column("changed_at", Timestamp, nullable=False),
    sa.Column("arrived_at", Timestamp),
    sa.Column("in_work_at", Timestamp),
    sa.Column("resolved_at", Timestamp),
    sa.Column("cancelled_at", Timestamp),
    sa.Column("closed_at", Timestamp),
    sa.UniqueConstraint("number", name="customer_service_issue_number_key"),
    sa.Index("customer_service_issue_email_index", "email", "state", "number"),
)
