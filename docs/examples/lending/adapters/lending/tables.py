"""The tables of lending. ``migrations/versions/lending`` makes them."""

import sqlalchemy as sa

from adapters.sql.columns import NAMING, Timestamp, id_text

lending_metadata = sa.MetaData(naming_convention=NAMING)

device_out = sa.Table(
    "lending_device_out",
    lending_metadata,
    sa.Column("loan_id", id_text(), primary_key=True),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("lent_at", Timestamp, nullable=False, index=True),
)
