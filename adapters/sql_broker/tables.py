"""The broker's tables, shared with nothing else.

Times are milliseconds since 1970 by the database's own clock: leases are compared and prolonged
inside SQL, so clients with wrong clocks agree on who holds a message.
"""

import sqlalchemy as sa

#: Raised with every change to the tables that older code cannot work with.
GENERATION = 1

metadata = sa.MetaData()

_Name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

message = sa.Table(
    "broker_message",
    metadata,
    # SQLite must never hand out an id twice: a late acknowledgement would hit a stranger.
    sa.Column("id", _RowId, primary_key=True, autoincrement=True),
    sa.Column("queue", _Name, nullable=False),
    sa.Column("priority", sa.SmallInteger(), nullable=False),
    sa.Column("visible_at_ms", sa.BigInteger(), nullable=False),
    sa.Column("expires_at_ms", sa.BigInteger()),
    sa.Column("token", sa.Text()),
    sa.Column("deliveries", sa.Integer(), nullable=False),
    sa.Column("meta", sa.Text(), nullable=False),
    sa.Column("body", sa.LargeBinary(), nullable=False),
    sqlite_autoincrement=True,
    # Claims touch no indexed column; free room keeps them on their page (heap-only updates).
    postgresql_with={
        "fillfactor": 70,
        "autovacuum_vacuum_scale_factor": 0.02,
        "autovacuum_vacuum_threshold": 1000,
    },
)
sa.Index("broker_message_claim", message.c.queue, message.c.priority.desc(), message.c.id)
sa.Index(
    "broker_message_expiry",
    message.c.expires_at_ms,
    postgresql_where=message.c.expires_at_ms.is_not(None),
    sqlite_where=message.c.expires_at_ms.is_not(None),
)

queue = sa.Table(
    "broker_queue",
    metadata,
    sa.Column("name", _Name, primary_key=True),
    sa.Column("expires_after_ms", sa.BigInteger()),
    sa.Column("message_ttl_ms", sa.BigInteger()),
    sa.Column("auto_delete", sa.Boolean(), nullable=False),
    sa.Column("seen_at_ms", sa.BigInteger(), nullable=False),
)

exchange = sa.Table(
    "broker_exchange",
    metadata,
    sa.Column("name", _Name, primary_key=True),
    sa.Column("type", sa.Text(), nullable=False),
)

binding = sa.Table(
    "broker_binding",
    metadata,
    sa.Column("exchange", _Name, primary_key=True),
    sa.Column("routing_key", _Name, primary_key=True),
    sa.Column(
        "queue",
        _Name,
        sa.ForeignKey("broker_queue.name", ondelete="CASCADE", name="broker_binding_queue"),
        primary_key=True,
    ),
)
sa.Index("broker_binding_by_queue", binding.c.queue)

consumer = sa.Table(
    "broker_consumer",
    metadata,
    sa.Column("token", sa.Text(), primary_key=True),
    sa.Column("tag", sa.Text(), primary_key=True),
    sa.Column("queue", _Name, nullable=False),
    sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
)
sa.Index("broker_consumer_by_queue", consumer.c.queue)

#: One row. ``version`` rises with every change of exchanges, queues and bindings, so that a
#: publisher's cached routes are checked in the statement that stores the message.
topology = sa.Table(
    "broker_topology",
    metadata,
    sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
    sa.Column("generation", sa.Integer(), nullable=False),
    sa.Column("version", sa.BigInteger(), nullable=False),
    sa.CheckConstraint("id = 1", name="broker_topology_one_row"),
)
