"""By hand: load a stream, append one event, send one message, commit."""

import itertools
import time
from datetime import UTC, datetime

import psycopg

_LOAD = """SELECT position, stream, aggregate, aggregate_id, version, event_id, name, revision,
content_type, payload, headers, correlation_id, parent_id, source, trace, sent_at FROM runtime_event
WHERE context = %s AND tenant = '' AND stream = %s AND aggregate = %s AND aggregate_id = %s
ORDER BY version"""
_APPEND = """INSERT INTO runtime_event (context, tenant, stream, aggregate, aggregate_id, version,
event_id, name, revision, content_type, payload, headers, correlation_id, source, trace, sent_at)
VALUES (%s, '', %s, %s, %s, %s, %s, %s, 1, %s, %s, '{}', %s, %s, '', %s)"""
_SEND = """INSERT INTO runtime_message (context, tenant, channel, endpoint, message_id, name,
revision, content_type, payload, headers, correlation_id, source, trace, sent_at, attempt,
first_attempt, replayed, replay_trace, priority, partition_key, created_at, delayed)
VALUES (%s, '', %s, %s, %s, %s, 1, %s, %s, '{}', %s, %s, '', %s, 1, 1, false, '', 4, '', %s,
false)"""
_NAME = "bench.parcel_was_moved"
_JSON = "application/json"


class Floor:
    def __init__(self, url: str, text: str) -> None:
        # Every statement is prepared when it is first run.
        self._connection = psycopg.connect(url, prepare_threshold=0)
        self._text = text
        self._numbers = itertools.count()

    def move(self, key: str) -> None:
        cursor, moment = self._connection.cursor(), datetime.now(UTC)
        events = cursor.execute(_LOAD, ("floor", "parcel", "parcel", key)).fetchall()
        payload = b'{"parcel_id":"%s","to":"%s","moved_at":"%s"}' % (
            key.encode(),
            self._text.encode(),
            moment.isoformat().encode(),
        )
        identifier = f"{time.time_ns():016x}-{next(self._numbers):019x}"  # in order, as UUIDv7
        event = ("floor", "parcel", "parcel", key, len(events) + 1, identifier, _NAME)
        cursor.execute(_APPEND, (*event, _JSON, payload, identifier, "floor", moment))
        message = ("floor", "floor.notes", "bench.note", identifier, _NAME, _JSON, payload)
        cursor.execute(_SEND, (*message, identifier, "floor", moment, moment))
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()
