"""Celery workers as real processes."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from tests.adapters.sql_broker import celery_app
from tests.adapters.sql_broker.brokers import ROOT
from tests.support.waiting import wait_until

_START_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    process: subprocess.Popen[bytes]
    app: Celery
    journal: Path
    log: Path

    def lines(self, first_word: str) -> list[str]:
        """The journal's entries with that first word, without it."""
        if not self.journal.exists():
            return []
        pairs = [line.split(" ", 1) for line in self.journal.read_text().splitlines()]
        return [rest for word, rest in pairs if word == first_word]

    def send(self, text: str, *, seconds: float = 0.0) -> None:
        self.app.send_task("note", args=[text], kwargs={"seconds": seconds})

    def stop(self) -> int:
        """Ask for a warm shutdown and wait for the end."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def running_worker(url: str, *arguments: str) -> Iterator[Worker]:
    """A worker that answers; it is killed at the end, with all its children, if it still runs."""
    app = Celery("client", broker=url)
    app.conf.update(task_default_queue=celery_app.QUEUE, task_ignore_result=True)
    with tempfile.TemporaryDirectory() as folder:
        journal, log = Path(folder, "journal"), Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "celery"),
                    *("-A", "tests.adapters.sql_broker.celery_app", "worker"),
                    *("-l", "INFO", "-n", "tested@here", "--without-gossip", "--without-mingle"),
                    *arguments,
                ],
                cwd=ROOT,
                env={**os.environ, celery_app.BROKER_URL: url, celery_app.JOURNAL: str(journal)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        worker = Worker(process=process, app=app, journal=journal, log=log)
        try:
            wait_until(
                lambda: b"ready." in log.read_bytes() or process.poll() is not None,
                limit_s=_START_LIMIT_S,
                what="the worker to be ready",
            )
            assert process.poll() is None, log.read_text()
            yield worker
        except BaseException:
            sys.stderr.write(log.read_text())
            raise
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
            app.close()
