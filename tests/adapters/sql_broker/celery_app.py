"""A Celery application on the broker named in the environment, for workers started by tests."""

import os
import time
from pathlib import Path

from celery import Celery

from adapters.sql_broker.registration import register

BROKER_URL = "TEST_BROKER_URL"
JOURNAL = "TEST_JOURNAL"
QUEUE = "work"

register()
app = Celery("tests")
app.conf.update(
    broker_url=os.environ.get(BROKER_URL),
    broker_connection_retry_on_startup=True,
    broker_transport_options={"lease_seconds": 5},
    task_acks_late=True,
    task_default_queue=QUEUE,
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_prefetch_multiplier=4,
    worker_send_task_events=True,
)


@app.task(name="note")
def note(text: str, seconds: float = 0.0) -> None:
    """Write that the work began and that it ended, each as a line of the journal."""
    _write(f"began {text}")
    time.sleep(seconds)
    _write(f"ended {text}")


def _write(line: str) -> None:
    with Path(os.environ[JOURNAL]).open("a") as journal:
        journal.write(f"{line}\n")
