"""A bare Celery task with the same SQL by hand: its delivery row, one row of its own, commit.

    celery -A bench.floors.celery_task worker …
    python -m bench.floors.celery_task fill COUNT TEXT

FLOOR_DATABASE, FLOOR_BROKER and FLOOR_QUEUE say where.
"""

import os
import sys
import threading
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
from celery import Celery
from kombu import Exchange, Queue

_DELIVERED = """INSERT INTO runtime_delivery (context, tenant, message_id, endpoint, state, attempt,
updated_at) VALUES ('floor', '', %s, 'bench.note', 'done', 1, statement_timestamp())"""
_SHELVED = """INSERT INTO bench_shelf (owner, parcel_id, place, moved_at)
VALUES ('floor', %s, %s, %s)"""

app = Celery("floor", broker=os.environ["FLOOR_BROKER"])
_QUEUE = os.environ["FLOOR_QUEUE"]
app.conf.update(
    task_queues=[
        Queue(_QUEUE, Exchange(""), routing_key=_QUEUE, queue_arguments={"x-queue-type": "quorum"})
    ],
    task_default_queue=_QUEUE,
    task_acks_late=True,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
)
_of_thread = threading.local()


@app.task(name="floor.shelve")
def shelve(message_id: str, parcel_id: str, place: str, moved_at: str) -> None:
    connection = _connection()
    connection.execute(_DELIVERED, (message_id,))
    connection.execute(_SHELVED, (parcel_id, place, datetime.fromisoformat(moved_at)))
    connection.commit()


def _connection() -> psycopg.Connection:
    if not hasattr(_of_thread, "connection"):
        _of_thread.connection = psycopg.connect(os.environ["FLOOR_DATABASE"], prepare_threshold=0)
    connection: psycopg.Connection = _of_thread.connection
    return connection


def fill(count: int, text: str) -> None:
    moved_at = datetime.now(UTC).isoformat()
    for number in range(count):
        shelve.delay(str(uuid4()), f"parcel-{number}", text, moved_at)


if __name__ == "__main__":
    fill(int(sys.argv[2]), sys.argv[3])
