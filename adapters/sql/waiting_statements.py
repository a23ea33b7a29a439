"""SQL of taking from the message table.

Every statement walks along an index from its beginning and stops early. Each of several channels is
walked on its own: one walk over all of them would pass the whole backlog of the others.
"""

from adapters.sql.rows import MESSAGE_COLUMNS
from adapters.sql.statements import Kind, Statement, statement

__all__ = ["Statement"]

_PLACE = {"context": Kind.TEXT, "channels": Kind.TEXTS}

# Rows as a claim returns them.
_RETURNED = (*MESSAGE_COLUMNS, "id", "hand_overs", "created_at")
_RETURNED_KINDS = [*MESSAGE_COLUMNS.values(), Kind.INT, Kind.INT, Kind.TIME]
KEY = _RETURNED.index("partition_key")
PRIORITY = _RETURNED.index("priority")
ROW_ID = _RETURNED.index("id")

_IS_FREE = "(one.claimed_until IS NULL OR one.claimed_until <= {now})"
_IS_FRESH = "(one.expires_at IS NULL OR one.expires_at > {now})"
_EARLIER = (
    "SELECT 1 FROM runtime_message AS earlier WHERE earlier.context = one.context "
    "AND earlier.channel = one.channel AND earlier.partition_key = one.partition_key "
    "AND earlier.partition_key <> '' AND earlier.id < one.id AND earlier.handed_over = false "
    "AND (earlier.expires_at IS NULL OR earlier.expires_at > {now})"
)
# A row of a lower priority holds up a later one of its key too: it would be overtaken.
_NOT_HELD_UP = (
    f"(one.partition_key = '' OR NOT EXISTS ({_EARLIER} AND (earlier.delayed = true "
    "OR earlier.claimed_until > {now} OR earlier.priority < one.priority)))"
)
_READY = (
    "FROM runtime_message AS one WHERE one.context = :context AND one.channel = {channel} "
    f"AND one.delayed = false AND {_IS_FREE} AND {_IS_FRESH} AND {_NOT_HELD_UP}"
)
_DUE = (
    "FROM runtime_message AS one WHERE one.context = :context AND one.channel = {channel} "
    "AND one.delayed = true AND one.due_at <= {now}"
)
_EXPIRED = (
    "FROM runtime_message AS one WHERE one.context = :context AND one.expires_at <= {now} "
    f"AND {_IS_FREE}"
)
_KEYED = (
    "FROM runtime_message AS one WHERE one.context = :context AND one.channel = {channel} "
    "AND one.delayed = false AND one.partition_key <> ''"
)
_UNNESTED = "unnest(:channels) AS wanted(name)"
_EACH = "json_each(:channels) AS wanted"


def _among(ids: str, *, sqlite: bool) -> str:
    """Joined to what it selects, PostgreSQL might walk through the whole table instead."""
    return f"id IN ({ids})" if sqlite else f"id = ANY(ARRAY({ids}))"


def _on(channel: str, text: str) -> str:
    return text.replace("{channel}", channel)


def _any(text: str, *, sqlite: bool) -> str:
    """Whether there is one in any of the channels."""
    channel, channels = ("wanted.value", _EACH) if sqlite else ("wanted.name", _UNNESTED)
    return f"EXISTS (SELECT 1 FROM {channels} WHERE EXISTS (SELECT 1 {_on(channel, text)}))"


def _first(what: str, text: str, *, sqlite: bool) -> str:
    """The lowest over the first of each channel."""
    channel, channels = ("wanted.value", _EACH) if sqlite else ("wanted.name", _UNNESTED)
    lowest = f"(SELECT {what} {_on(channel, text)} ORDER BY {what} LIMIT 1)"
    return f"(SELECT min({lowest}) FROM {channels})"


def _peek(*, sqlite: bool) -> str:
    parts = [_any(text, sqlite=sqlite) for text in (_READY, _DUE)]
    parts.append(f"EXISTS (SELECT 1 {_EXPIRED})")
    parts.append(_any(_KEYED, sqlite=sqlite))
    return f"SELECT {', '.join(parts)}"


PEEK = statement(
    "SELECT runtime_message",
    _peek(sqlite=False),
    sqlite=_peek(sqlite=True),
    parameters=_PLACE,
    columns=[Kind.BOOL, Kind.BOOL, Kind.BOOL, Kind.BOOL],
)


def _next_due(*, sqlite: bool) -> str:
    delayed = (
        "FROM runtime_message AS one WHERE one.context = :context "
        "AND one.channel = {channel} AND one.delayed = true AND one.due_at IS NOT NULL"
    )
    leased = (
        "FROM runtime_message AS one WHERE one.context = :context "
        "AND one.channel = {channel} AND one.delayed = false AND one.claimed_until > {now}"
    )
    due_at = _first("one.due_at", delayed, sqlite=sqlite)
    free_at = _first("one.claimed_until", leased, sqlite=sqlite)
    ready = _any(_READY, sqlite=sqlite)
    # Whoever finds something ready does not ask for the rest.
    return (
        f"SELECT ready, CASE WHEN NOT ready THEN {due_at} END, "
        f"CASE WHEN NOT ready THEN {free_at} END, {{now}} FROM (SELECT {ready} AS ready) AS looked"
    )


NEXT_DUE = statement(
    "SELECT runtime_message",
    _next_due(sqlite=False),
    sqlite=_next_due(sqlite=True),
    parameters=_PLACE,
    columns=[Kind.BOOL, Kind.TIME, Kind.TIME, Kind.TIME],
)

# One claim at a time per channel, always locked in one order. A claim must see what the one before
# it has taken, or it would overtake within a key; so the lock comes before the claim's snapshot, in
# a statement of its own. Negative keys are never fences of the event log.
LOCK_CHANNELS = statement(
    "SELECT pg_advisory_xact_lock()",
    "SELECT pg_advisory_xact_lock("
    "hashtextextended(:context || ':' || wanted.name, 0) | (-9223372036854775808)::bigint) "
    "FROM unnest(:channels) AS wanted(name)",
    parameters=_PLACE,
)

_SET_LEASE = (
    "SET claimed_until = {now + :seconds}, claim_token = :token, "
    # Who took it before and neither removed it nor put it back has failed with it.
    "hand_overs = hand_overs + CASE WHEN claim_token IS NULL THEN 0 ELSE 1 END"
)

# A row that someone holds locked is passed over: its consumer is about to commit although its lease
# has ended. Nothing of its key may overtake it, hence the second look at those before.
LEASE = statement(
    "UPDATE runtime_message",
    "WITH taken AS MATERIALIZED (SELECT found.id FROM unnest(:channels) AS wanted(name) "
    "CROSS JOIN LATERAL (SELECT one.id, one.priority "
    f"{_on('wanted.name', _READY)} ORDER BY one.priority DESC, one.id LIMIT :limit "
    "FOR UPDATE OF one SKIP LOCKED) AS found ORDER BY found.priority DESC, found.id LIMIT :limit) "
    f"UPDATE runtime_message AS one {_SET_LEASE} "
    f"WHERE one.{_among('SELECT id FROM taken', sqlite=False)} "
    f"AND (one.partition_key = '' OR NOT EXISTS ({_EARLIER} "
    "AND earlier.id NOT IN (SELECT id FROM taken))) "
    f"RETURNING {', '.join(f'one.{name}' for name in _RETURNED)}",
    sqlite="SELECT 1",
    parameters={**_PLACE, "limit": Kind.INT, "token": Kind.TEXT, "seconds": Kind.FLOAT},
    columns=_RETURNED_KINDS,
)

# The same for SQLite in two steps: what may be taken of one channel, and taking it.
CANDIDATES = statement(
    "SELECT runtime_message",
    f"SELECT one.id, one.priority {_on(':channel', _READY)} "
    "ORDER BY one.priority DESC, one.id LIMIT :limit",
    parameters={"context": Kind.TEXT, "channel": Kind.TEXT, "limit": Kind.INT},
    columns=[Kind.INT, Kind.INT],
)
LEASE_THESE = statement(
    "UPDATE runtime_message",
    f"UPDATE runtime_message {_SET_LEASE} WHERE id = ANY(:ids) RETURNING {', '.join(_RETURNED)}",
    parameters={"ids": Kind.INTS, "token": Kind.TEXT, "seconds": Kind.FLOAT},
    columns=_RETURNED_KINDS,
)


def _some_due(*, sqlite: bool) -> str:
    if sqlite:
        return (
            "SELECT one.id FROM runtime_message AS one WHERE one.context = :context "
            "AND one.channel = ANY(:channels) AND one.delayed = true AND one.due_at <= {now} "
            "LIMIT :limit"
        )
    return (
        f"SELECT found.id FROM {_UNNESTED} CROSS JOIN LATERAL (SELECT one.id "
        f"{_on('wanted.name', _DUE)} ORDER BY one.due_at LIMIT :limit "
        "FOR UPDATE OF one SKIP LOCKED) AS found"
    )


def _promote(*, sqlite: bool) -> str:
    return (
        "UPDATE runtime_message SET delayed = false, due_at = NULL "
        f"WHERE {_among(_some_due(sqlite=sqlite), sqlite=sqlite)}"
    )


PROMOTE = statement(
    "UPDATE runtime_message",
    _promote(sqlite=False),
    sqlite=_promote(sqlite=True),
    parameters={**_PLACE, "limit": Kind.INT},
)


def _hold_up(*, sqlite: bool) -> str:
    blocker = (
        "SELECT earlier.due_at FROM runtime_message AS earlier "
        "WHERE earlier.context = one.context AND earlier.channel = one.channel "
        "AND earlier.partition_key = one.partition_key AND earlier.partition_key <> '' "
        "AND earlier.id < one.id AND earlier.delayed = true AND earlier.handed_over = false "
        "ORDER BY earlier.id LIMIT 1"
    )
    if sqlite:
        some = (
            "SELECT one.id FROM runtime_message AS one WHERE one.context = :context "
            "AND one.channel = ANY(:channels) AND one.delayed = false AND one.partition_key <> '' "
            f"AND {_IS_FREE} LIMIT :limit"
        )
        return (
            f"UPDATE runtime_message AS one SET delayed = true, due_at = ({blocker}) "
            f"WHERE one.id IN ({some}) AND EXISTS ({blocker})"
        )
    return (
        "WITH found AS MATERIALIZED (SELECT one.id, blocker.due_at "
        f"FROM {_UNNESTED} CROSS JOIN LATERAL (SELECT one.id, one.context, one.channel, "
        f"one.partition_key {_on('wanted.name', _KEYED)} AND {_IS_FREE} "
        "ORDER BY one.id LIMIT :limit FOR UPDATE OF one SKIP LOCKED) AS one "
        f"CROSS JOIN LATERAL ({blocker}) AS blocker) "
        "UPDATE runtime_message AS held SET delayed = true, "
        "due_at = (SELECT found.due_at FROM found WHERE found.id = held.id) "
        f"WHERE held.{_among('SELECT id FROM found', sqlite=False)}"
    )


# Rows behind a delayed one of their key are due when that is.
HOLD_UP = statement(
    "UPDATE runtime_message",
    _hold_up(sqlite=False),
    sqlite=_hold_up(sqlite=True),
    parameters={**_PLACE, "limit": Kind.INT},
)
LET_GO = statement(
    "UPDATE runtime_message",
    "UPDATE runtime_message SET delayed = false, due_at = NULL WHERE context = :context "
    "AND channel = :channel AND partition_key = :key AND partition_key <> '' AND delayed = true "
    "AND handed_over = false AND (available_at IS NULL OR available_at <= {now})",
    parameters={"context": Kind.TEXT, "channel": Kind.TEXT, "key": Kind.TEXT},
)

_LEASED_ONES = {"context": Kind.TEXT, "ids": Kind.INTS, "token": Kind.TEXT}
_STILL_HELD = "id = ANY(:ids) AND context = :context AND claim_token = :token"

REMOVE = statement(
    "DELETE runtime_message",
    f"DELETE FROM runtime_message WHERE {_STILL_HELD}",
    parameters=_LEASED_ONES,
)
PUT_BACK = statement(
    "UPDATE runtime_message",
    "UPDATE runtime_message SET claimed_until = NULL, claim_token = NULL, "
    "delayed = :seconds > 0, due_at = CASE WHEN :seconds > 0 THEN {now + :seconds} END, "
    f"hand_overs = hand_overs + 1 WHERE {_STILL_HELD}",
    parameters={**_LEASED_ONES, "seconds": Kind.FLOAT},
)
RENEW = statement(
    "UPDATE runtime_message",
    "UPDATE runtime_message SET claimed_until = {now + :seconds} WHERE "
    + _among(
        f"SELECT id FROM runtime_message WHERE {_STILL_HELD} FOR UPDATE SKIP LOCKED", sqlite=False
    ),
    sqlite=f"UPDATE runtime_message SET claimed_until = {{now + :seconds}} WHERE {_STILL_HELD}",
    parameters={**_LEASED_ONES, "seconds": Kind.FLOAT},
)
# A kept row is delayed but never due. That it was handed over, and when, stands where a lease did.
KEEP = statement(
    "UPDATE runtime_message",
    "UPDATE runtime_message SET claimed_until = {now}, claim_token = NULL, delayed = true, "
    f"due_at = NULL, handed_over = true WHERE {_STILL_HELD}",
    parameters=_LEASED_ONES,
)
_KEPT = (
    "FROM runtime_message AS one WHERE one.context = :context AND one.channel = {channel} "
    "AND one.delayed = true AND one.due_at IS NULL AND one.handed_over = true "
    "AND one.claimed_until <= {now + :before}"
)


def _kept(*, sqlite: bool) -> str:
    channel, channels = ("wanted.value", _EACH) if sqlite else ("wanted.name", _UNNESTED)
    return f"SELECT {channel} FROM {channels} WHERE EXISTS (SELECT 1 {_on(channel, _KEPT)})"


KEPT = statement(
    "SELECT runtime_message",
    _kept(sqlite=False),
    sqlite=_kept(sqlite=True),
    parameters={**_PLACE, "before": Kind.FLOAT},
    columns=[Kind.TEXT],
)


def _some_kept(*, sqlite: bool) -> str:
    """The oldest first."""
    kept = f"SELECT one.id {_on(':channel', _KEPT)}"
    if sqlite:
        return f"id IN ({kept} ORDER BY one.id LIMIT :limit)"
    # With the bare column PostgreSQL would walk the table by id, and without the array read all of
    # it beside these rows.
    return f"id = ANY(ARRAY({kept} ORDER BY one.id + 0 LIMIT :limit FOR UPDATE SKIP LOCKED))"


def recorded(*, sqlite: bool) -> str:
    """Whether the attempt of a row of ``runtime_message`` has an outcome."""
    # Of a message to another context the outcome is recorded there: channels begin with its name.
    receiver = (
        "substr(channel, 1, instr(channel, '.') - 1)" if sqlite else "split_part(channel, '.', 1)"
    )
    return (
        "EXISTS (SELECT 1 FROM runtime_delivery AS outcome "
        f"WHERE outcome.context IN (runtime_message.context, {receiver}) "
        "AND outcome.tenant = runtime_message.tenant "
        "AND outcome.message_id = runtime_message.message_id "
        "AND outcome.endpoint = runtime_message.endpoint "
        "AND (outcome.state <> 'waiting' OR outcome.attempt > runtime_message.attempt))"
    )


def _remove_if_recorded(*, sqlite: bool) -> str:
    return f"DELETE FROM runtime_message WHERE {_STILL_HELD} AND {recorded(sqlite=sqlite)}"


def _drop_recorded(*, sqlite: bool) -> str:
    these = _some_kept(sqlite=sqlite)
    return f"DELETE FROM runtime_message WHERE {these} AND {recorded(sqlite=sqlite)}"


def _release(*, sqlite: bool) -> str:
    return (
        "UPDATE runtime_message SET handed_over = false, delayed = false, claimed_until = NULL, "
        f"hand_overs = hand_overs + 1 WHERE {_some_kept(sqlite=sqlite)}"
    )


_OF_ONE_CHANNEL = {
    "context": Kind.TEXT,
    "channel": Kind.TEXT,
    "before": Kind.FLOAT,
    "limit": Kind.INT,
}
# Its consumer was faster than whoever keeps it.
REMOVE_IF_RECORDED = statement(
    "DELETE runtime_message",
    _remove_if_recorded(sqlite=False),
    sqlite=_remove_if_recorded(sqlite=True),
    parameters=_LEASED_ONES,
)
DROP_RECORDED = statement(
    "DELETE runtime_message",
    _drop_recorded(sqlite=False),
    sqlite=_drop_recorded(sqlite=True),
    parameters=_OF_ONE_CHANNEL,
)
RELEASE = statement(
    "UPDATE runtime_message",
    _release(sqlite=False),
    sqlite=_release(sqlite=True),
    parameters=_OF_ONE_CHANNEL,
)

ANY_EXPIRED = statement(
    "SELECT runtime_message",
    f"SELECT EXISTS (SELECT 1 {_EXPIRED})",
    parameters={"context": Kind.TEXT},
    columns=[Kind.BOOL],
)


def _drop_expired(*, sqlite: bool) -> str:
    some = f"SELECT one.id {_EXPIRED} ORDER BY one.expires_at LIMIT :limit"
    if not sqlite:
        some += " FOR UPDATE SKIP LOCKED"
    return (
        f"DELETE FROM runtime_message WHERE {_among(some, sqlite=sqlite)} RETURNING channel, "
        "CASE WHEN delayed = true AND handed_over = false THEN partition_key ELSE '' END"
    )


DROP_EXPIRED = statement(
    "DELETE runtime_message",
    _drop_expired(sqlite=False),
    sqlite=_drop_expired(sqlite=True),
    parameters={"context": Kind.TEXT, "limit": Kind.INT},
    columns=[Kind.TEXT, Kind.TEXT],
)
