"""Devices that are out."""

import sqlalchemy as sa
from alembic import op

from adapters.sql.columns import Timestamp, id_text

revision = "lending_0001"
down_revision = None
branch_labels = ("lending",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lending_device_out",
        sa.Column("loan_id", id_text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("lent_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("loan_id", name="lending_device_out_pkey"),
    )
    op.create_index("lending_device_out_lent_at_index", "lending_device_out", ["lent_at"])


def downgrade() -> None:
    op.drop_table("lending_device_out")
