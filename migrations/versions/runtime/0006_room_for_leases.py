"""Room for the lease of a waiting message on its own page."""

from alembic import op

revision = "runtime_0006"
down_revision = "runtime_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Every row is leased once before it goes. On a full page its second version is in need of an
    # entry in each index, which costs more than the lease itself.
    _leave_room(50)


def downgrade() -> None:
    _leave_room(80)


def _leave_room(percent_filled: int) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE runtime_message SET (fillfactor = {percent_filled})")
