"""Spans and caught mails: much, short-lived, and never part of a transaction of the work itself.
Embedded they lie in a file of their own, so that they never compete for its only writer."""

import sqlalchemy as sa

from adapters.sql.columns import NAMING, Timestamp, id_text, row_id

metadata = sa.MetaData(naming_convention=NAMING)

span = sa.Table(
    "monitoring_span",
    metadata,
    sa.Column("trace_id", id_text(), primary_key=True),
    sa.Column("span_id", id_text(), primary_key=True),
    sa.Column("parent_id", id_text(), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", id_text(), nullable=False),
    sa.Column("service", id_text(), nullable=False),
    sa.Column("started_at", Timestamp, nullable=False),
    sa.Column("duration_us", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.Boolean, nullable=False),
    sa.Column("exception", sa.Text, nullable=False),
    sa.Column("stack_trace", sa.Text, nullable=False),
    sa.Column("attributes", sa.Text, nullable=False),  # JSON
    sa.Column("links", sa.Text, nullable=False),  # JSON
)

# One row per trace, kept up to date while its spans arrive, so that searching reads no spans.
trace = sa.Table(
    "monitoring_trace",
    metadata,
    sa.Column("trace_id", id_text(), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("service", id_text(), nullable=False),
    sa.Column("started_at", Timestamp, nullable=False),
    sa.Column("ended_at", Timestamp, nullable=False),
    sa.Column("duration_us", sa.BigInteger, nullable=False),
    sa.Column("spans", sa.Integer, nullable=False),
    sa.Column("failed_spans", sa.Integer, nullable=False),
    sa.Column("correlation_id", id_text(), nullable=False, index=True),
    sa.Column("services", sa.Text, nullable=False),  # names between vertical bars: |a|b|
    sa.Column("names", sa.Text, nullable=False),  # of its spans, lower case, bounded
    # False: nothing but looking, as pages do.
    sa.Column("conversation", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("monitoring_trace_started_at_index", "started_at", "trace_id"),
    sa.Index("monitoring_trace_conversation_index", "conversation", "started_at", "trace_id"),
    sa.Index(
        "monitoring_trace_failed_index",
        "started_at",
        "trace_id",
        postgresql_where=sa.text("failed_spans > 0"),
        sqlite_where=sa.text("failed_spans > 0"),
    ),
)

# What leads from a message to the traces it is in.
trace_message = sa.Table(
    "monitoring_trace_message",
    metadata,
    sa.Column("message_id", id_text(), primary_key=True),
    sa.Column("trace_id", id_text(), primary_key=True, index=True),
)

# A trace with a span that is linked to another trace: a replay, to the operator's request.
trace_link = sa.Table(
    "monitoring_trace_link",
    metadata,
    sa.Column("trace_id", id_text(), primary_key=True),
    sa.Column("linked_id", id_text(), primary_key=True, index=True),
)

mail = sa.Table(
    "monitoring_mail",
    metadata,
    sa.Column("row", row_id(), primary_key=True, autoincrement=True),
    sa.Column("mail_id", id_text(), nullable=False, unique=True),
    sa.Column("caught_at", Timestamp, nullable=False, index=True),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("recipients", sa.Text, nullable=False),  # JSON
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("message_id", id_text(), nullable=False),
    sa.Column("search_text", sa.Text, nullable=False),  # lower case
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
