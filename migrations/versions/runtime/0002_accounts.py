"""Accounts, one-time tokens, sessions, the audit log and the counters of rate limits."""

import sqlalchemy as sa
from alembic import op

from adapters.sql.columns import Timestamp, id_text, row_id

revision = "runtime_0002"
down_revision = "runtime_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runtime_account",
        sa.Column("account_id", id_text(), nullable=False),
        sa.Column("tenant", id_text(), nullable=False, server_default=""),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", id_text(), nullable=True),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("role", id_text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("opened_at", Timestamp(), nullable=False),
        sa.Column("signed_in_at", Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", name="runtime_account_pkey"),
        sa.UniqueConstraint("tenant", "email_key", name="runtime_account_tenant_email_key_key"),
    )
    op.create_table(
        "runtime_account_token",
        sa.Column("token_digest", id_text(), nullable=False),
        sa.Column("tenant", id_text(), nullable=False, server_default=""),
        sa.Column("account_id", id_text(), nullable=False),
        sa.Column("purpose", id_text(), nullable=False),
        sa.Column("series", id_text(), nullable=False),
        sa.Column("expires_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name="runtime_account_token_pkey"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["runtime_account.account_id"],
            name="runtime_account_token_account_id_fkey",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "runtime_account_token_account_id_index", "runtime_account_token", ["account_id"]
    )
    op.create_table(
        "runtime_session",
        sa.Column("token_digest", id_text(), nullable=False),
        sa.Column("tenant", id_text(), nullable=False, server_default=""),
        sa.Column("account_id", id_text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("began_at", Timestamp(), nullable=False),
        sa.Column("seen_at", Timestamp(), nullable=False),
        sa.Column("expires_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name="runtime_session_pkey"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["runtime_account.account_id"],
            name="runtime_session_account_id_fkey",
            ondelete="CASCADE",
        ),
    )
    op.create_index("runtime_session_account_id_index", "runtime_session", ["account_id"])
    op.create_index("runtime_session_expires_at_index", "runtime_session", ["expires_at"])
    op.create_table(
        "runtime_audit",
        sa.Column("id", row_id(), autoincrement=True, nullable=False),
        sa.Column("tenant", id_text(), nullable=False, server_default=""),
        sa.Column("at", Timestamp(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_id", id_text(), nullable=False),
        sa.Column("action", id_text(), nullable=False),
        sa.Column("object", id_text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="runtime_audit_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_index("runtime_audit_at_index", "runtime_audit", ["at"])
    op.create_index("runtime_audit_object_index", "runtime_audit", ["object", "id"])
    op.create_index("runtime_audit_action_index", "runtime_audit", ["action", "id"])
    op.create_table(
        "runtime_rate_limit",
        sa.Column("key", id_text(), nullable=False),
        sa.Column("tenant", id_text(), nullable=False, server_default=""),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("expires_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="runtime_rate_limit_pkey"),
    )
    op.create_index("runtime_rate_limit_expires_at_index", "runtime_rate_limit", ["expires_at"])


def downgrade() -> None:
    op.drop_table("runtime_rate_limit")
    op.drop_table("runtime_audit")
    op.drop_table("runtime_session")
    op.drop_table("runtime_account_token")
    op.drop_table("runtime_account")
