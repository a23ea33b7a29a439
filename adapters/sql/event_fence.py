"""Why no event is ever skipped on PostgreSQL.

Positions are drawn from a sequence, and transactions commit in another order than they drew: a
reader that remembers the last position it saw would miss what commits later below it. So whoever
appends first takes a *fence*: a shared advisory lock, held until the transaction ends, whose key is
the sequence's value before it draws. All its positions lie above. A reader asks, in three
statements of their own and in this order,

1. for the sequence's value: what is drawn after this lies above it;
2. for the lowest fence still held: whoever drew below the value of (1) and has not ended holds one;
3. for the events up to the lower of the two: by now everything that drew below has committed or
   is gone.

The keys carry a number for the event table in their high bits, so that several stores in one
database, or other users of advisory locks, do not hold each other back. Nobody waits, and nothing
depends on a timeout.
"""

from adapters.sql.statements import Kind, statement

_POSITION_BITS = 43

# Constant for a session: the planner reads the table's number once.
_NAMESPACE = "('runtime_event'::regclass::oid::bigint & 1048575)"

_LAST_DRAWN = "CASE WHEN is_called THEN last_value ELSE 0 END"

# Takes a WHERE clause. The INSERT must read its row, or PostgreSQL may draw positions first.
HELD_FENCE = (
    f"SELECT pg_advisory_xact_lock_shared(({_NAMESPACE} << {_POSITION_BITS}) | {_LAST_DRAWN}) "
    "FROM runtime_event_position_seq"
)

LAST_DRAWN = statement(
    "SELECT runtime_event_position_seq",
    f"SELECT {_LAST_DRAWN} FROM runtime_event_position_seq",
    # Absent until the first event is inserted.
    sqlite="SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'runtime_event'), 0)",
    parameters={},
    columns=[Kind.INT],
)

_KEY = "((classid::bigint << 32) | objid::bigint)"

# Our own fence does not hold us back: a transaction sees what it appended itself.
LOWEST_FENCE = statement(
    "SELECT pg_locks",
    f"SELECT min({_KEY} & ((1::bigint << {_POSITION_BITS}) - 1)) FROM pg_locks "
    "WHERE locktype = 'advisory' AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    f"AND ({_KEY} >> {_POSITION_BITS}) = {_NAMESPACE} "
    "AND pid IS DISTINCT FROM pg_backend_pid()",
    sqlite="SELECT NULL",
    parameters={},
    columns=[Kind.INT],
)
