"""The number of a ticket's issue, which customers name."""

import sqlalchemy as sa
from alembic import op

revision = "backoffice_0002"
down_revision = "backoffice_0001"
branch_labels = None
depends_on = None

_LIST = "backoffice_ticket_list"
_UNASSIGNED = "backoffice_unassigned_ticket"
_INDEX = "backoffice_ticket_list_issue_number_index"


def upgrade() -> None:
    for table in (_LIST, _UNASSIGNED):
        op.add_column(table, sa.Column("issue_number", sa.BigInteger(), nullable=True))
    op.create_index(_INDEX, _LIST, ["issue_number"])


def downgrade() -> None:
    op.drop_index(_INDEX, _LIST)
    for table in (_UNASSIGNED, _LIST):
        op.drop_column(table, "issue_number")
