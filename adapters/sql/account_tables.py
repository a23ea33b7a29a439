"""Tables of the deployment: who may sign in, who is signed in, who did what, who asks too often.

They lie in every store, since the runtime's branch makes them; only those of the deployment's own
database (``THICKET_DATABASE_URL``) are used.
"""

import sqlalchemy as sa

from adapters.sql.columns import Timestamp, id_text, row_id
from adapters.sql.tables import runtime_metadata


def _tenant() -> sa.Column[str]:
    return sa.Column("tenant", id_text(), nullable=False, server_default="")


def _account_id() -> sa.Column[str]:
    return sa.Column(
        "account_id",
        id_text(),
        sa.ForeignKey("runtime_account.account_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    )


# An account that was suspended before it was opened has a row without an address: it holds the
# place, so that opening it later lets nobody in.
account = sa.Table(
    "runtime_account",
    runtime_metadata,
    sa.Column("account_id", id_text(), primary_key=True),
    _tenant(),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("email_key", id_text()),  # the address as it is compared; null: not opened yet
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("role", id_text(), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),  # empty: none was chosen yet
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("opened_at", Timestamp, nullable=False),
    sa.Column("signed_in_at", Timestamp),
    sa.UniqueConstraint("tenant", "email_key"),
)

account_token = sa.Table(
    "runtime_account_token",
    runtime_metadata,
    sa.Column("token_digest", id_text(), primary_key=True),
    _tenant(),
    _account_id(),
    sa.Column("purpose", id_text(), nullable=False),
    sa.Column("series", id_text(), nullable=False),  # tokens of one series are good side by side
    sa.Column("expires_at", Timestamp, nullable=False),
)

# A session is open while its generation is the account's: one number ends them all, even one
# that is being begun at this moment.
session = sa.Table(
    "runtime_session",
    runtime_metadata,
    sa.Column("token_digest", id_text(), primary_key=True),
    _tenant(),
    _account_id(),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("began_at", Timestamp, nullable=False),
    sa.Column("seen_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False, index=True),
)

audit = sa.Table(
    "runtime_audit",
    runtime_metadata,
    sa.Column("id", row_id(), primary_key=True, autoincrement=True),
    _tenant(),
    sa.Column("at", Timestamp, nullable=False, index=True),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("actor_id", id_text(), nullable=False),
    sa.Column("action", id_text(), nullable=False),
    sa.Column("object", id_text(), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),  # a JSON object
    sa.Index("runtime_audit_object_index", "object", "id"),
    sa.Index("runtime_audit_action_index", "action", "id"),
    sqlite_autoincrement=True,
)

rate_limit = sa.Table(
    "runtime_rate_limit",
    runtime_metadata,
    sa.Column("key", id_text(), primary_key=True),  # a digest: it may stand for an address
    _tenant(),
    sa.Column("hits", sa.Integer, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False, index=True),
)
