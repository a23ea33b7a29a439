"""The message table in memory: as a unit of work adds to it, and as takers empty it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from adapters.memory.database import MemoryDatabase, MessageRow
from adapters.memory.deliveries import is_over
from ports.errors import AlreadyDelivered
from ports.messages import Delivery
from ports.outbound.message_table import MOST_COUNTED, Leased, RemovedChannel, Taken

if TYPE_CHECKING:
    from adapters.memory.store import MemoryStore, MemoryUnitOfWork


class MemoryMessageTable:
    def __init__(self, unit: "MemoryUnitOfWork") -> None:
        self._unit = unit
        self._added: list[Delivery] = []
        self._consumed: list[Leased] = []
        self._settled: list[Delivery] = []

    def add(self, delivery: Delivery) -> None:
        self._unit.will_write()
        self._unit.will_wake()
        self._added.append(delivery)

    def consume(self, leased: Leased) -> None:
        self._unit.will_write()
        self._consumed.append(leased)

    def settle(self, delivery: Delivery) -> None:
        self._unit.will_write()
        self._settled.append(delivery)

    def take(self, channel: str, *, limit: int) -> Sequence[Taken]:
        self._unit.flush()
        self._unit.write_now()
        database, now = self._unit.database, self._unit.clock.now()
        free = [
            (key, row)
            for key, row in database.messages.rows(as_writer=True)
            if key[0] == self._unit.context
            and row.delivery.channel == channel
            and not _is_leased(row, now)
        ]
        for key, _ in free[:limit]:
            database.messages.remove(key)
        return [
            Taken(delivery=row.delivery, has_outcome=_is_recorded(database, key[0], row.delivery))
            for key, row in free[:limit]
        ]

    def pending(self) -> tuple[list[Any], ...]:
        return (self._added, self._consumed, self._settled)

    def flush(self) -> None:
        added, self._added = self._added, []
        consumed, self._consumed = self._consumed, []
        settled, self._settled = self._settled, []
        database = self._unit.database
        for delivery in settled:
            self._remove_kept(delivery)
        for leased in consumed:
            key = (self._unit.context, leased.row_id)
            row = database.messages.get(key, as_writer=True)
            if row is None or row.token != leased.token:
                delivery = leased.delivery
                raise AlreadyDelivered(delivery.envelope.metadata.id, delivery.endpoint)
            database.messages.remove(key)
        now = self._unit.clock.now()
        for delivery in added:
            database.last_message_row += 1
            row_id = database.last_message_row
            available_at = delivery.available_at or now
            row = MessageRow(
                row_id=row_id, delivery=delivery, added_at=now, available_at=available_at
            )
            database.messages.put((self._unit.context, row_id), row)

    def _remove_kept(self, delivery: Delivery) -> None:
        if not self._unit.database.has_kept:
            return
        for key, row in self._unit.database.messages.rows(as_writer=True):
            waiting = row.delivery
            if (
                key[0] in (self._unit.context, delivery.envelope.metadata.source)
                and row.kept
                and waiting.channel == delivery.channel
                and waiting.envelope.metadata.id == delivery.envelope.metadata.id
                and waiting.endpoint == delivery.endpoint
                and waiting.attempt <= delivery.attempt
            ):
                self._unit.database.messages.remove(key)


class MemoryWaitingDeliveries:
    """Every call is one short transaction on the store's database."""

    def __init__(self, store: "MemoryStore", *, lease: timedelta = timedelta(seconds=30)) -> None:
        self._context = store.context
        self._database = store.database
        self._clock = store.clock
        self.lease = lease

    def claim(self, channels: Sequence[str], *, limit: int, token: str) -> Sequence[Leased]:
        with self._database.writing():
            now = self._clock.now()
            free = [
                (priority, row)
                for due, priority, row in self._waiting(channels)
                if due <= now and not _has_expired(row, now)
            ]
            free.sort(key=lambda entry: (-entry[0], entry[1].row_id))
            taken = [
                replace(
                    row,
                    token=token,
                    leased_until=now + self.lease,
                    # An earlier lease ran out unless the row was put back.
                    hand_overs=row.hand_overs + (1 if row.token else 0),
                )
                for _, row in free[:limit]
            ]
            for row in taken:
                self._put(row)
        return [
            Leased(
                row_id=row.row_id,
                token=token,
                delivery=row.delivery,
                hand_overs=row.hand_overs,
                added_at=row.added_at,
            )
            for row in taken
        ]

    def remove(self, leased: Sequence[Leased]) -> None:
        with self._database.writing():
            for row in self._still_held(leased):
                self._database.messages.remove((self._context, row.row_id))

    def put_back(self, leased: Sequence[Leased], *, delay_seconds: float) -> None:
        with self._database.writing():
            available_at = self._clock.now() + timedelta(seconds=delay_seconds)
            for row in self._still_held(leased):
                self._put(
                    replace(
                        row,
                        token="",
                        leased_until=None,
                        available_at=available_at,
                        hand_overs=row.hand_overs + 1,
                    )
                )

    def renew(self, leased: Sequence[Leased]) -> int:
        with self._database.writing():
            held = list(self._still_held(leased))
            for row in held:
                self._put(replace(row, leased_until=self._clock.now() + self.lease))
        return len(held)

    def keep(self, leased: Sequence[Leased]) -> None:
        with self._database.writing():
            now = self._clock.now()
            self._database.has_kept = True
            for row in self._still_held(leased):
                if _is_recorded(self._database, self._context, row.delivery):
                    self._database.messages.remove((self._context, row.row_id))
                    continue
                self._put(replace(row, token="", leased_until=None, available_at=now, kept=True))

    def kept(self, channels: Sequence[str], *, seconds: float) -> Sequence[str]:
        with self._database.writing():
            found = {row.delivery.channel for row in self._kept(seconds)}
        return [name for name in channels if name in found]

    def release(self, channel: str, *, seconds: float, limit: int) -> int:
        with self._database.writing():
            found = self._kept(seconds, channel)[:limit]
            for row in found:
                self._put(replace(row, hand_overs=row.hand_overs + 1, kept=False))
        return len(found)

    def drop_recorded(self, channel: str, *, seconds: float, limit: int) -> int:
        with self._database.writing():
            oldest = self._kept(seconds, channel)[:limit]
            recorded = [
                row for row in oldest if _is_recorded(self._database, self._context, row.delivery)
            ]
            for row in recorded:
                self._database.messages.remove((self._context, row.row_id))
        return len(recorded)

    def seconds_until_due(self, channels: Sequence[str]) -> float | None:
        with self._database.writing():
            now = self._clock.now()
            dues = [due for due, _, row in self._waiting(channels) if not _has_expired(row, now)]
        if not dues:
            return None
        return max(0.0, (min(dues) - now).total_seconds())

    def removed_channels(self, known: Sequence[str]) -> Sequence[RemovedChannel]:
        with self._database.writing():
            found: dict[str, list[MessageRow]] = {}
            for row in self._rows():
                found.setdefault(row.delivery.channel, []).append(row)
        return [
            RemovedChannel(
                channel=name,
                count=min(len(rows), MOST_COUNTED),
                oldest_at=min(row.added_at for row in rows),
            )
            for name, rows in sorted(found.items())
            if name not in known
        ]

    def drop_expired(self, *, limit: int) -> int:
        with self._database.writing():
            now = self._clock.now()
            expired = [
                row for row in self._rows() if _has_expired(row, now) and not _is_leased(row, now)
            ]
            for row in expired[:limit]:
                self._database.messages.remove((self._context, row.row_id))
        return len(expired[:limit])

    def _waiting(self, channels: Sequence[str]) -> Iterator[tuple[datetime, int, MessageRow]]:
        """Rows in the order they were added, each with the moment it is due and its priority.

        A row is due no sooner, and has no higher priority, than those before it of the same key.
        """
        now = self._clock.now()
        of_key: dict[tuple[str, str], tuple[datetime, int]] = {}
        for row in self._rows():
            delivery = row.delivery
            if delivery.channel not in channels or row.kept:
                continue
            due, priority = row.available_at, delivery.priority
            if row.leased_until is not None:
                due = max(due, row.leased_until)
            if delivery.key and not _has_expired(row, now):
                key = (delivery.channel, delivery.key)
                before = of_key.get(key)
                if before is not None:
                    due, priority = max(due, before[0]), min(priority, before[1])
                of_key[key] = (due, priority)
            yield due, priority, row

    def _rows(self) -> list[MessageRow]:
        rows = self._database.messages.rows(as_writer=True)
        own = [row for (context, _), row in rows if context == self._context]
        return sorted(own, key=lambda row: row.row_id)

    def _still_held(self, leased: Sequence[Leased]) -> Iterator[MessageRow]:
        for one in leased:
            row = self._database.messages.get((self._context, one.row_id), as_writer=True)
            if row is not None and row.token == one.token:
                yield row

    def _put(self, row: MessageRow) -> None:
        self._database.messages.put((self._context, row.row_id), row)

    def _kept(self, seconds: float, channel: str = "") -> list[MessageRow]:
        if not self._database.has_kept:
            return []
        since = self._clock.now() - timedelta(seconds=seconds)
        return [
            row
            for row in self._rows()
            if row.kept and row.available_at <= since and channel in ("", row.delivery.channel)
        ]


def _is_recorded(database: MemoryDatabase, context: str, delivery: Delivery) -> bool:
    # Of a message to another context the outcome is recorded there: channels begin with its name.
    for owner in (context, delivery.channel.partition(".")[0]):
        key = (owner, delivery.envelope.metadata.id, delivery.endpoint)
        if is_over(database.deliveries.get(key, as_writer=True), delivery.attempt):
            return True
    return False


def _has_expired(row: MessageRow, now: datetime) -> bool:
    return row.delivery.expires_at is not None and row.delivery.expires_at <= now


def _is_leased(row: MessageRow, now: datetime) -> bool:
    return row.leased_until is not None and row.leased_until > now
