"""The tables of Backoffice. ``migrations/versions/backoffice`` makes them.

Tickets have none: they are their events. What lists show of them is kept by projections.
"""

import sqlalchemy as sa

from adapters.sql.columns import NAMING, Timestamp, id_text

backoffice_metadata = sa.MetaData(naming_convention=NAMING)

TICKET_NUMBERS = "backoffice_ticket_number"

employee = sa.Table(
    "backoffice_employee",
    backoffice_metadata,
    sa.Column("employee_id", id_text(), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("account_id", id_text(), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_key", id_text(), nullable=False),  # sorts without regard to case
    sa.Column("email", id_text(), nullable=False),
    sa.Column("search_text", id_text(), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("registered_at", Timestamp, nullable=False),
    sa.Column("activated_at", Timestamp),
    sa.Column("deactivated_at", Timestamp),
    sa.Column("invited_at", Timestamp),
    sa.UniqueConstraint("account_id", name="backoffice_employee_account_id_key"),
    sa.Index("backoffice_employee_name_index", "name_key", "employee_id"),
    sa.Index("backoffice_employee_active_index", "active", "name_key", "employee_id"),
)

# Whose an address is. Apart from the employee, so that two who register it at the same time meet
# here, before either is saved.
employee_email = sa.Table(
    "backoffice_employee_email",
    backoffice_metadata,
    sa.Column("email", id_text(), primary_key=True),
    sa.Column("employee_id", id_text(), nullable=False),
)

ticket_list = sa.Table(
    "backoffice_ticket_list",
    backoffice_metadata,
    sa.Column("ticket_id", id_text(), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("issue_number", sa.BigInteger),
    sa.Column("type", id_text(), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("subject_key", id_text(), nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("customer_email", id_text(), nullable=False),
    sa.Column("state", id_text(), nullable=False),
    sa.Column("assignee_id", id_text(), nullable=False),
    sa.Column("assignee_name", sa.Text, nullable=False),
    sa.Column("prepared_at", Timestamp, nullable=False),
    sa.Column("changed_at", Timestamp, nullable=False),
    sa.Column("search_text", id_text(), nullable=False),
    sa.Index("backoffice_ticket_list_number_index", "number"),
    sa.Index("backoffice_ticket_list_issue_number_index", "issue_number"),
    sa.Index("backoffice_ticket_list_state_index", "state", "number"),
    sa.Index("backoffice_ticket_list_assignee_index", "assignee_id", "state", "number"),
    sa.Index("backoffice_ticket_list_type_index", "type", "number"),
    sa.Index("backoffice_ticket_list_changed_index", "changed_at", "number"),
)

unassigned_ticket = sa.Table(
    "backoffice_unassigned_ticket",
    backoffice_metadata,
    sa.Column("ticket_id", id_text(), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("issue_number", sa.BigInteger),
    sa.Column("type", id_text(), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    # Empty while somebody has it: reopening it must find its number and subject again.
    sa.Column("waiting_since", Timestamp),
)
sa.Index(
    "backoffice_unassigned_ticket_waiting_index",
    unassigned_ticket.c.waiting_since,
    unassigned_ticket.c.number,
    postgresql_where=unassigned_ticket.c.waiting_since.is_not(None),
    sqlite_where=unassigned_ticket.c.waiting_since.is_not(None),
)
