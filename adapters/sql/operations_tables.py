"""Heartbeats of processes, the progress of long work and the broker's file that is known: in the
deployment's own store."""

import sqlalchemy as sa

from adapters.sql.columns import NAMING, Timestamp, id_text

metadata = sa.MetaData(naming_convention=NAMING)

heartbeat = sa.Table(
    "runtime_heartbeat",
    metadata,
    sa.Column("process", id_text(), primary_key=True),
    sa.Column("kind", id_text(), nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("channels", sa.Text, nullable=False),  # JSON
    sa.Column("started_at", Timestamp, nullable=False),
    sa.Column("seen_at", Timestamp, nullable=False, index=True),
    sa.Column("handled", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("handling", sa.Text, nullable=False),
    sa.Column("handling_since", Timestamp),
)

job = sa.Table(
    "runtime_job",
    metadata,
    sa.Column("id", id_text(), primary_key=True),
    sa.Column("kind", id_text(), nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("started_by", sa.Text, nullable=False),
    sa.Column("started_at", Timestamp, nullable=False, index=True),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("done", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("finished_at", Timestamp),
    sa.Column("note", sa.Text, nullable=False),
)

known_broker = sa.Table(
    "runtime_known_broker",
    metadata,
    sa.Column("file", id_text(), primary_key=True),
    sa.Column("name", id_text(), nullable=False),
    sa.Column("starts", sa.BigInteger, nullable=False),
    sa.Column("lost_at", Timestamp),
)
