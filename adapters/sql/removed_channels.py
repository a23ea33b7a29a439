"""SQL for rows of channels that nobody takes from any more: finding them, and taking them all."""

from adapters.sql.rows import MESSAGE_COLUMNS
from adapters.sql.statements import Kind, statement
from adapters.sql.waiting_statements import recorded

# Each of two partial indexes holds one part of a channel's rows. Only asked for in the order of the
# index are they found there for sure.
_PARTS = {"ready": "one.delayed = false", "later": "one.delayed = true"}
_ORDERS = {"ready": "one.priority DESC, one.id", "later": "one.due_at"}


def _names(part: str) -> str:
    """A walk from one channel's name to the next; the rows in between are not looked at."""
    first = (
        "SELECT one.channel FROM runtime_message AS one WHERE one.context = :context "
        f"AND {_PARTS[part]} {{beyond}}ORDER BY one.channel LIMIT 1"
    )
    return (
        f"{part}(name) AS (SELECT ({first.format(beyond='')}) UNION ALL SELECT "
        f"({first.format(beyond=f'AND one.channel > {part}.name ')}) "
        f"FROM {part} WHERE {part}.name IS NOT NULL)"
    )


CHANNELS_WITH_ROWS = statement(
    "SELECT runtime_message",
    f"WITH RECURSIVE {_names('ready')}, {_names('later')} "
    "SELECT name FROM ready WHERE name IS NOT NULL "
    "UNION SELECT name FROM later WHERE name IS NOT NULL",
    parameters={"context": Kind.TEXT},
    columns=[Kind.TEXT],
)


def _of_channel(part: str) -> str:
    return (
        "FROM runtime_message AS one WHERE one.context = :context AND one.channel = :channel "
        f"AND {_PARTS[part]}"
    )


def _counted(part: str) -> str:
    rows = f"SELECT one.created_at {_of_channel(part)} ORDER BY {_ORDERS[part]} LIMIT :limit"
    return f"SELECT created_at FROM ({rows}) AS found"


COUNT_ROWS = statement(
    "SELECT runtime_message",
    "SELECT count(*), min(created_at) "
    f"FROM ({_counted('ready')} UNION ALL {_counted('later')}) AS counted",
    parameters={"context": Kind.TEXT, "channel": Kind.TEXT, "limit": Kind.INT},
    columns=[Kind.INT, Kind.TIME],
)


def _lock(part: str, *, sqlite: bool) -> str:
    # Asked beside RETURNING, SQLite would look through all outcomes for each row.
    has_outcome = recorded(sqlite=sqlite).replace("runtime_message.", "one.")
    columns = ", ".join(f"one.{name}" for name in MESSAGE_COLUMNS)
    return (
        f"SELECT {columns}, one.id, {has_outcome} {_of_channel(part)} "
        "AND (one.claimed_until IS NULL OR one.claimed_until <= {now}) "
        f"ORDER BY {_ORDERS[part]} LIMIT :limit{'' if sqlite else ' FOR UPDATE SKIP LOCKED'}"
    )


# SQLite has one writer at a time anyway.
LOCK_ROWS = tuple(
    statement(
        "SELECT runtime_message",
        _lock(part, sqlite=False),
        sqlite=_lock(part, sqlite=True),
        parameters={"context": Kind.TEXT, "channel": Kind.TEXT, "limit": Kind.INT},
        columns=[*MESSAGE_COLUMNS.values(), Kind.INT, Kind.BOOL],
    )
    for part in _PARTS
)
DELETE_ROWS = statement(
    "DELETE runtime_message",
    "DELETE FROM runtime_message WHERE id = ANY(:ids)",
    parameters={"ids": Kind.INTS},
)
