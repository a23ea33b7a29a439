"""The broker's file that the deployment knows."""

import sqlalchemy as sa
from alembic import op

from adapters.sql.columns import Timestamp, id_text

revision = "runtime_0005"
down_revision = "runtime_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runtime_known_broker",
        sa.Column("file", id_text(), nullable=False),
        sa.Column("name", id_text(), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("lost_at", Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("file", name="runtime_known_broker_pkey"),
    )


def downgrade() -> None:
    op.drop_table("runtime_known_broker")
