"""Taking from the message table, for relays and consumers of database channels.

A lease is a time and a token on the row. A row that is not due yet is *delayed*: it lies in an
index of its own and comes back into play when a claim finds it due. Rows behind a delayed row of
the same key are delayed with it, so that a long queue behind one that backs off is not looked
through again and again.

Rows that stay although a broker was given them (``handed_over``) hold nobody up: they have left.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from operator import attrgetter

from adapters.sql import waiting_statements as statements
from adapters.sql.engines import POSTGRESQL
from adapters.sql.executor import Begin, Executor, Row
from adapters.sql.removed_channels import CHANNELS_WITH_ROWS, COUNT_ROWS
from adapters.sql.rows import MESSAGE_WIDTH, delivery_from
from adapters.sql.store import SqlStore
from ports.outbound.message_table import MOST_COUNTED, Leased, RemovedChannel

# Work of one claim beside the claiming itself is bounded by these.
_MOST_PROMOTED = 1000
_MOST_HELD_UP = 1000
_MOST_DROPPED = 1000
# While there is enough to take, rows that are held up are looked for once in a while only.
_LOOK_FOR_HELD_UP_EVERY = 16


class SqlWaitingDeliveries:
    """May be shared by threads. No call waits for the commit to reach the disk: what a power cut
    undoes is done again, and the receiver's delivery row makes that harmless."""

    def __init__(self, store: SqlStore, *, lease: timedelta = timedelta(seconds=30)) -> None:
        self._store = store
        self._context = store.context
        self.lease = lease
        self._lease_seconds = lease.total_seconds()
        self._claims = 0

    def claim(self, channels: Sequence[str], *, limit: int, token: str) -> Sequence[Leased]:
        if not channels or limit < 1:
            return []
        place = (self._context, sorted(channels))
        # Most calls of an idle relay end here, without a write.
        ready, due, expired, keyed = self._store.look(statements.PEEK, place)[0]
        if not (ready or due or expired):
            return []
        self._claims += 1
        with self._store.short_transaction(Begin.TAKING) as executor:
            if executor.dialect == POSTGRESQL:
                executor.run(statements.LOCK_CHANNELS, place)
            if expired:
                self._drop(executor, limit=_MOST_DROPPED)
            if due:
                executor.run(statements.PROMOTE, (*place, _MOST_PROMOTED))
            rows = self._lease(executor, place, limit, token)
            keyed = keyed or any(row[statements.KEY] for row in rows)
            if keyed and (len(rows) < limit or self._claims % _LOOK_FOR_HELD_UP_EVERY == 0):
                executor.run(statements.HOLD_UP, (*place, _MOST_HELD_UP))
        return [_leased(row, token) for row in rows]

    def remove(self, leased: Sequence[Leased]) -> None:
        self._change((statements.REMOVE,), leased)

    def put_back(self, leased: Sequence[Leased], *, delay_seconds: float) -> None:
        self._change((statements.PUT_BACK,), leased, float(delay_seconds))

    def renew(self, leased: Sequence[Leased]) -> int:
        return self._change((statements.RENEW,), leased, self._lease_seconds)

    def keep(self, leased: Sequence[Leased]) -> None:
        self._change((statements.REMOVE_IF_RECORDED, statements.KEEP), leased)

    def kept(self, channels: Sequence[str], *, seconds: float) -> Sequence[str]:
        if not channels:
            return []
        place = (self._context, sorted(channels), -float(seconds))
        return [row[0] for row in self._store.look(statements.KEPT, place)]

    def release(self, channel: str, *, seconds: float, limit: int) -> int:
        return self._change_kept(statements.RELEASE, channel, seconds, limit)

    def drop_recorded(self, channel: str, *, seconds: float, limit: int) -> int:
        return self._change_kept(statements.DROP_RECORDED, channel, seconds, limit)

    def seconds_until_due(self, channels: Sequence[str]) -> float | None:
        if not channels:
            return None
        place = (self._context, sorted(channels))
        ready, due_at, free_at, now = self._store.look(statements.NEXT_DUE, place)[0]
        if ready:
            return 0.0
        moments = [moment for moment in (due_at, free_at) if moment is not None]
        if not moments:
            return None
        seconds: float = (min(moments) - now).total_seconds()
        return max(0.0, seconds)

    def removed_channels(self, known: Sequence[str]) -> Sequence[RemovedChannel]:
        with self._store.connected() as executor:
            names = {row[0] for row in executor.run(CHANNELS_WITH_ROWS, (self._context,))}
            counted = [
                (name, *executor.run(COUNT_ROWS, (self._context, name, MOST_COUNTED))[0])
                for name in sorted(names.difference(known))
            ]
        return [
            RemovedChannel(channel=name, count=min(count, MOST_COUNTED), oldest_at=oldest_at)
            for name, count, oldest_at in counted
            if count  # taken meanwhile
        ]

    def drop_expired(self, *, limit: int) -> int:
        if not self._store.look(statements.ANY_EXPIRED, (self._context,))[0][0]:
            return 0
        with self._store.short_transaction(Begin.TAKING) as executor:
            return self._drop(executor, limit=limit)

    def _lease(
        self, executor: Executor, place: tuple[str, list[str]], limit: int, token: str
    ) -> list[Row]:
        if executor.dialect == POSTGRESQL:
            rows = executor.run(statements.LEASE, (*place, limit, token, self._lease_seconds))
        else:
            context, channels = place
            candidates = [
                candidate
                for channel in channels
                for candidate in executor.run(statements.CANDIDATES, (context, channel, limit))
            ]
            candidates.sort(key=lambda row: (-row[1], row[0]))
            ids = [row[0] for row in candidates[:limit]]
            rows = executor.run(statements.LEASE_THESE, (ids, token, self._lease_seconds))
        return sorted(rows, key=lambda row: (-row[statements.PRIORITY], row[statements.ROW_ID]))

    def _drop(self, executor: Executor, *, limit: int) -> int:
        """Those that waited behind an expired row of the same key wait no longer."""
        keys = executor.run(statements.DROP_EXPIRED, (self._context, limit))
        for channel, key in {(channel, key) for channel, key in keys if key}:
            executor.run(statements.LET_GO, (self._context, channel, key))
        return len(keys)

    def _change_kept(
        self, statement: statements.Statement, channel: str, seconds: float, limit: int
    ) -> int:
        with self._store.short_transaction(Begin.TAKING) as executor:
            return executor.change(statement, (self._context, channel, -float(seconds), limit))

    def _change(
        self,
        changes: Sequence[statements.Statement],
        leased: Sequence[Leased],
        *more: object,
    ) -> int:
        """How many rows the last of the changes touched."""
        touched = 0
        if not leased:
            return touched
        by_token = sorted(leased, key=attrgetter("token"))
        with self._store.short_transaction(Begin.TAKING) as executor:
            for token, group in groupby(by_token, key=attrgetter("token")):
                ids = sorted(one.row_id for one in group)
                counts = [
                    executor.change(change, (self._context, ids, token, *more))
                    for change in changes
                ]
                touched += counts[-1]
        return touched


def _leased(row: Row, token: str) -> Leased:
    row_id, hand_overs, added_at = row[MESSAGE_WIDTH:]
    return Leased(
        row_id=row_id,
        token=token,
        delivery=delivery_from(row),
        hand_overs=hand_overs,
        added_at=added_at,
    )
