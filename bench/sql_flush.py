"""How close the SQL adapter comes to hand-written psycopg on the same tables.

    python bench/sql_flush.py postgresql://postgres@127.0.0.1:5432/some_empty_database

Two units of work, each against a floor that does the same by hand, interleaved, medians:
load a stream of three events, append one and one message, commit; and record a delivery as done
with one message.
"""

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg

from adapters.sql.migrating import migrate
from adapters.sql.store import SqlStore
from ports.messages import Delivery, Envelope, Metadata
from ports.outbound.event_store import NewEvent

_ROUNDS = 11
_PER_ROUND = 300
_NOW = datetime.now(UTC)
_PAYLOAD = b'{"parcel_id":"p-1","text":"' + b"x" * 160 + b'"}'

_LOAD = """SELECT position, stream, aggregate, aggregate_id, version, event_id, name, revision,
content_type, payload, headers, correlation_id, parent_id, source, trace, sent_at FROM runtime_event
WHERE context = %s AND tenant = '' AND stream = %s AND aggregate = %s AND aggregate_id = %s
ORDER BY version"""
_APPEND = """INSERT INTO runtime_event (context, tenant, stream, aggregate, aggregate_id, version,
event_id, name, revision, content_type, payload, headers, correlation_id, source, trace, sent_at)
VALUES (%s, '', %s, %s, %s, %s, %s, %s, 1, %s, %s, '{}', %s, %s, '', %s)"""
_SEND = """INSERT INTO runtime_message (context, tenant, channel, endpoint, message_id, name,
revision, content_type, payload, headers, correlation_id, source, trace, sent_at, attempt,
first_attempt, replayed,
replay_trace, priority, partition_key, created_at, delayed)
VALUES (%s, '', %s, %s, %s, %s, 1, %s, %s, '{}', %s, %s, '', %s, 1, 1, false, '', 4, '', %s,
false)"""
_DONE = """INSERT INTO runtime_delivery (context, tenant, message_id, endpoint, state, attempt,
updated_at) VALUES (%s, '', %s, %s, 'done', 1, now())"""
_JSON = "application/json"


class Floor:
    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)

    def command(self, key: str) -> None:
        cursor = self._connection.cursor()
        events = cursor.execute(_LOAD, ("floor", "parcel", "parcel", key)).fetchall()
        event = ("floor", "parcel", "parcel", key, len(events) + 1, f"{key}-4", "parcel.was_sent")
        cursor.execute(_APPEND, (*event, _JSON, _PAYLOAD, key, "floor", _NOW))
        self._send(cursor, key)
        self._connection.commit()

    def delivery(self, key: str) -> None:
        cursor = self._connection.cursor()
        cursor.execute(_DONE, ("floor", key, "post.sort"))
        self._send(cursor, key)
        self._connection.commit()

    def _send(self, cursor: psycopg.Cursor, key: str) -> None:
        head = ("floor", "parcels", "post.sort", f"{key}-m", "parcel.was_sent", _JSON, _PAYLOAD)
        cursor.execute(_SEND, (*head, key, "floor", _NOW, _NOW))

    def close(self) -> None:
        self._connection.close()


class Ours:
    def __init__(self, url: str) -> None:
        self._store = SqlStore(url, "ours")

    def command(self, key: str) -> None:
        unit = self._store.begin()
        events = unit.events.load("parcel", "parcel", key)
        unit.events.append([event(key, len(events) + 1)])
        unit.messages.add(delivery(key))
        unit.commit()

    def delivery(self, key: str) -> None:
        unit = self._store.begin()
        unit.deliveries.done(delivery(key))
        unit.messages.add(delivery(f"{key}-m"))
        unit.commit()

    def close(self) -> None:
        self._store.close()


def envelope(key: str) -> Envelope:
    metadata = Metadata(id=key, correlation_id=key, timestamp=_NOW, source="ours")
    return Envelope(payload=_PAYLOAD, name="parcel.was_sent", metadata=metadata)


def event(key: str, version: int) -> NewEvent:
    return NewEvent(
        stream="parcel",
        aggregate="parcel",
        aggregate_id=key,
        version=version,
        envelope=envelope(f"{key}-{version}"),
    )


def delivery(key: str) -> Delivery:
    return Delivery(envelope=envelope(key), channel="parcels", endpoint="post.sort")


def streams_of_three(url: str, prefix: str, count: int) -> list[str]:
    keys = [f"{prefix}-{number}" for number in range(count)]
    for context in ("ours", "floor"):
        store = SqlStore(url, context)
        unit = store.begin()
        for key in keys:
            unit.events.append([event(key, version) for version in (1, 2, 3)])
        unit.commit()
        store.close()
    return keys


def seconds_each(work: Callable[[str], None], keys: list[str]) -> float:
    began = time.perf_counter()
    for key in keys:
        work(key)
    return (time.perf_counter() - began) / len(keys)


def compare(url: str, name: str, keys_of: Callable[[int], list[str]]) -> None:
    floor, ours = Floor(url), Ours(url)
    times: dict[str, list[float]] = {"floor": [], "ours": []}
    for number in range(_ROUNDS):
        keys = keys_of(number)
        times["floor"].append(seconds_each(getattr(floor, name), keys))
        times["ours"].append(seconds_each(getattr(ours, name), keys))
    by_hand, by_us = (statistics.median(times[one]) for one in ("floor", "ours"))
    print(
        f"{name:10} by hand {1 / by_hand:7.0f}/s   ours {1 / by_us:7.0f}/s   "
        f"ratio {by_hand / by_us:.2f}"
    )
    floor.close()
    ours.close()


def main() -> None:
    url = sys.argv[1]
    migrate("runtime", url)
    compare(url, "command", lambda number: streams_of_three(url, f"c{number}", _PER_ROUND))
    compare(url, "delivery", lambda number: [f"d{number}-{one}" for one in range(_PER_ROUND)])


if __name__ == "__main__":
    main()
