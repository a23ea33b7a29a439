"""By hand: load a stream, append one event, send one message, commit."""

import itertools
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

_LOAD = """SELECT position, stream, aggregate, aggregate_id, version, event_id, name, revision,
content_type, payload, headers, correlation_id, parent_id, source, trace, sent_at FROM runtime_event
WHERE context = ? AND tenant = '' AND stream = ? AND aggregate = ? AND aggregate_id = ?
ORDER BY version"""
_APPEND = """INSERT INTO runtime_event (context, tenant, stream, aggregate, aggregate_id, version,
event_id, name, revision, content_type, payload, headers, correlation_id, source, trace, sent_at)
VALUES (?, '', ?, ?, ?, ?, ?, ?, 1, ?, ?, '{}', ?, ?, '', ?)"""
_SEND = """INSERT INTO runtime_message (context, tenant, channel, endpoint, message_id, name,
revision, content_type, payload, headers, correlation_id, source, trace, sent_at, attempt,
first_attempt, replayed, replay_trace, priority, partition_key, created_at, delayed)
VALUES (?, '', ?, ?, ?, ?, 1, ?, ?, '{}', ?, ?, '', ?, 1, 1, false, '', 4, '', ?,
false)"""
_NAME = "bench.parcel_was_moved"
_JSON = "application/json"


class Floor:
    def __init__(self, file: Path, text: str) -> None:
        # The module keeps prepared statements by itself.
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._text = text
        self._numbers = itertools.count()

    def move(self, key: str) -> None:
        cursor, moment = self._connection.cursor(), datetime.now(UTC)
        cursor.execute("BEGIN IMMEDIATE")
        events = cursor.execute(_LOAD, ("floor", "parcel", "parcel", key)).fetchall()
        payload = b'{"parcel_id":"%s","to":"%s","moved_at":"%s"}' % (
            key.encode(),
            self._text.encode(),
            moment.isoformat().encode(),
        )
        at = moment.isoformat()
        identifier = f"{time.time_ns():016x}-{next(self._numbers):019x}"  # in order, as UUIDv7
        event = ("floor", "parcel", "parcel", key, len(events) + 1, identifier, _NAME)
        cursor.execute(_APPEND, (*event, _JSON, payload, identifier, "floor", at))
        message = ("floor", "floor.notes", "bench.note", identifier, _NAME, _JSON, payload)
        cursor.execute(_SEND, (*message, identifier, "floor", at, at))
        cursor.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()
