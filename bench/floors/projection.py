"""By hand: read the log by pages, write a row for each event with executemany, keep the position,
commit."""

import json
from datetime import datetime

import psycopg

_READ = """SELECT position, payload FROM runtime_event
WHERE (context || ':' || tenant || ':' || stream) = %s AND position > %s
ORDER BY position LIMIT %s"""
_WRITE = "INSERT INTO bench_shelf (owner, parcel_id, place, moved_at) VALUES ('floor', %s, %s, %s)"
_KEEP = """INSERT INTO runtime_position (context, tenant, projection, position, status, error,
rebuild_target) VALUES ('floor', '', 'bench_shelf', %s, 'running', '', 0)
ON CONFLICT (context, tenant, projection) DO UPDATE SET position = excluded.position"""


class Floor:
    def __init__(self, url: str, context: str) -> None:
        self._connection = psycopg.connect(url, prepare_threshold=0)
        self._log = f"{context}::parcel"

    def catch_up(self, *, page: int) -> int:
        """How many events there were."""
        cursor, position, total = self._connection.cursor(), 0, 0
        while rows := cursor.execute(_READ, (self._log, position, page)).fetchall():
            cursor.executemany(_WRITE, [_shelved(payload) for _, payload in rows])
            position = rows[-1][0]
            cursor.execute(_KEEP, (position,))
            self._connection.commit()
            total += len(rows)
        self._connection.commit()
        return total

    def close(self) -> None:
        self._connection.close()


def _shelved(payload: bytes) -> tuple[str, str, datetime]:
    event = json.loads(payload)
    return event["parcel_id"], event["to"], datetime.fromisoformat(event["moved_at"])
