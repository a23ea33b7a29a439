"""Employees, numbers of tickets, and what lists show of tickets."""

import sqlalchemy as sa
from alembic import op

from adapters.sql.columns import Timestamp, id_text
from adapters.sql.number_series import create_number_series, drop_number_series

revision = "backoffice_0001"
down_revision = None
branch_labels = ("backoffice",)
depends_on = None


def upgrade() -> None:
    _create_employees()
    _create_ticket_list()
    _create_unassigned_tickets()
    create_number_series(op.get_bind(), "backoffice_ticket_number")


def downgrade() -> None:
    drop_number_series(op.get_bind(), "backoffice_ticket_number")
    op.drop_table("backoffice_unassigned_ticket")
    op.drop_table("backoffice_ticket_list")
    op.drop_table("backoffice_employee_email")
    op.drop_table("backoffice_employee")


def _create_employees() -> None:
    op.create_table(
        "backoffice_employee",
        sa.Column("employee_id", id_text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account_id", id_text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", id_text(), nullable=False),
        sa.Column("email", id_text(), nullable=False),
        sa.Column("search_text", id_text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("registered_at", Timestamp(), nullable=False),
        sa.Column("activated_at", Timestamp(), nullable=True),
        sa.Column("deactivated_at", Timestamp(), nullable=True),
        sa.Column("invited_at", Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("employee_id", name="backoffice_employee_pkey"),
        sa.UniqueConstraint("account_id", name="backoffice_employee_account_id_key"),
    )
    op.create_index(
        "backoffice_employee_name_index", "backoffice_employee", ["name_key", "employee_id"]
    )
    op.create_index(
        "backoffice_employee_active_index",
        "backoffice_employee",
        ["active", "name_key", "employee_id"],
    )
    op.create_table(
        "backoffice_employee_email",
        sa.Column("email", id_text(), nullable=False),
        sa.Column("employee_id", id_text(), nullable=False),
        sa.PrimaryKeyConstraint("email", name="backoffice_employee_email_pkey"),
    )


def _create_ticket_list() -> None:
    op.create_table(
        "backoffice_ticket_list",
        sa.Column("ticket_id", id_text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("type", id_text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_key", id_text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("customer_email", id_text(), nullable=False),
        sa.Column("state", id_text(), nullable=False),
        sa.Column("assignee_id", id_text(), nullable=False),
        sa.Column("assignee_name", sa.Text(), nullable=False),
        sa.Column("prepared_at", Timestamp(), nullable=False),
        sa.Column("changed_at", Timestamp(), nullable=False),
        sa.Column("search_text", id_text(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name="backoffice_ticket_list_pkey"),
    )
    for name, columns in (
        ("number", ["number"]),
        ("state", ["state", "number"]),
        ("assignee", ["assignee_id", "state", "number"]),
        ("type", ["type", "number"]),
        ("changed", ["changed_at", "number"]),
    ):
        op.create_index(f"backoffice_ticket_list_{name}_index", "backoffice_ticket_list", columns)


def _create_unassigned_tickets() -> None:
    op.create_table(
        "backoffice_unassigned_ticket",
        sa.Column("ticket_id", id_text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("type", id_text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("waiting_since", Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("ticket_id", name="backoffice_unassigned_ticket_pkey"),
    )
    op.create_index(
        "backoffice_unassigned_ticket_waiting_index",
        "backoffice_unassigned_ticket",
        ["waiting_since", "number"],
        postgresql_where=sa.text("waiting_since IS NOT NULL"),
        sqlite_where=sa.text("waiting_since IS NOT NULL"),
    )
