"""What groups failures that have one cause, and ways to count and list them without their texts."""

import sqlalchemy as sa
from alembic import op

from adapters.sql.columns import id_text

revision = "runtime_0004"
down_revision = "runtime_0003"
branch_labels = None
depends_on = None

_TABLE = "runtime_failed_message"
_OPEN = sa.text("deleted_at IS NULL")
_DELETED = sa.text("deleted_at IS NOT NULL")


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("signature", id_text(), nullable=False, server_default=""))
    op.drop_index("runtime_failed_message_age_index", _TABLE)
    for name, columns, where in (
        ("open", ["failed_at", "id", "context", "tenant"], _OPEN),
        ("deleted", ["deleted_at", "id", "context", "tenant"], _DELETED),
        ("group", ["signature", "failed_at", "id", "context", "tenant"], _OPEN),
    ):
        op.create_index(
            f"runtime_failed_message_{name}_index",
            _TABLE,
            columns,
            postgresql_where=where,
            sqlite_where=where,
        )


def downgrade() -> None:
    for name in ("group", "deleted", "open"):
        op.drop_index(f"runtime_failed_message_{name}_index", _TABLE)
    op.create_index("runtime_failed_message_age_index", _TABLE, ["failed_at", "id"])
    with op.batch_alter_table(_TABLE) as table:
        table.drop_column("signature")
