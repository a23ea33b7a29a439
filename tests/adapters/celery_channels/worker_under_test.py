"""A real worker process, whose handler does what its message says and writes down what happened.

Run as a module; what it needs to know is JSON in the environment. Its storage is a folder:
the journal that it appends to, and a file ``away`` that makes it unavailable.
"""

import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from celery import signals

from adapters.celery_channels.broker import Broker, ChannelQueue
from adapters.celery_channels.serving import HandlerProcess, Receivers
from adapters.celery_channels.worker import Pool, WorkerApplication, build_worker, run_worker
from adapters.serialization.envelopes import decode_delivery
from adapters.sql_broker.registration import register
from ports.errors import StoreUnavailable
from ports.messages import Delivery
from ports.outbound.channels import ChannelDeclaration

ENVIRONMENT = "WORKER_UNDER_TEST"
MOST_HAND_OVERS = 2  # then the handler is spared


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    url: str
    folder: str
    contexts: tuple[str, ...]
    pool: str = "threads"
    concurrency: int = 2
    prefetch: int = 4
    prioritised: bool = False
    time_limit_seconds: float = 60.0
    time_limits: dict[str, float] | None = None
    options: dict[str, Any] | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def broker_of(settings: Settings) -> Broker:
    return Broker(
        url=settings.url,
        queues=tuple(
            ChannelQueue(
                context=context,
                declaration=ChannelDeclaration(
                    name="parcels",
                    prioritised=settings.prioritised,
                    time_limit_seconds=settings.time_limit_seconds,
                ),
            )
            for context in settings.contexts
        ),
        options=settings.options or {},
    )


class Journal:
    """Lines of JSON; appending one is a single write, so that processes may share the file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "journal"

    def write(self, **entry: object) -> None:
        line = json.dumps({**entry, "pid": os.getpid()}) + "\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def read(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        # A reader may see the beginning of a line that is being written.
        complete = self._path.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in complete.splitlines()]


class Storage:
    def __init__(self, folder: Path, context: str) -> None:
        self._away = folder / f"{context}.away"
        self._journal = Journal(folder)
        self._context = context

    def receivers(self) -> Receivers:
        return Receivers(
            receive=self.receive,
            reject=self.reject,
            fail=self.fail,
            storage_is_back=lambda: not self._away.exists(),
        )

    def receive(self, delivery: Delivery, hand_overs: int) -> None:
        message = delivery.envelope.metadata.id
        self._require(message)
        wish = json.loads(delivery.envelope.payload)
        earlier = self._count("started", message)
        self._journal.write(
            event="started", message=message, hand_overs=hand_overs, context=self._context
        )
        if earlier >= MOST_HAND_OVERS:
            if not self._count("done", message):  # or only its acknowledgement was lost
                self._journal.write(event="poisonous", message=message)
            return
        match wish["do"]:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "linger":
                _until(Path(wish["file"]).exists)
                time.sleep(0.5)  # long enough to be there when another one kills the process
            case "wait":
                _until(Path(wish["file"]).exists)
            case "raise":
                raise LookupError("the engine has a mistake")
            case "note":
                pass
        self._journal.write(event="done", message=message, context=self._context)

    def reject(self, channel: str, raw: bytes, error: Exception) -> None:
        self._require("")
        self._journal.write(
            event="rejected",
            channel=channel,
            raw=raw.decode(errors="backslashreplace"),
            error=f"{type(error).__name__}: {error}",
        )

    def fail(self, delivery: Delivery, error: Exception) -> None:
        message = delivery.envelope.metadata.id
        self._require(message)
        self._journal.write(event="failed", message=message, error=type(error).__name__)

    def _require(self, message: str) -> None:
        if self._away.exists():
            self._journal.write(event="refused", message=message)
            raise StoreUnavailable("the folder is closed")

    def _count(self, event: str, message: str) -> int:
        return sum(
            1
            for entry in self._journal.read()
            if entry["event"] == event and entry["message"] == message
        )


def _until(condition: Any, limit_seconds: float = 60.0) -> None:
    deadline = time.monotonic() + limit_seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def open_process(settings: Settings) -> HandlerProcess:
    folder = Path(settings.folder)
    journal = Journal(folder)
    journal.write(event="opened")
    return HandlerProcess(
        receivers={context: Storage(folder, context).receivers() for context in settings.contexts},
        maintenance=lambda: journal.write(event="maintained"),
    )


def application_of(settings: Settings) -> WorkerApplication:
    return build_worker(
        broker_of(settings),
        decode=decode_delivery,
        open_process=partial(open_process, settings),
        time_limits=settings.time_limits,
        prefetch=settings.prefetch,
    )


def main() -> int:
    register()
    settings = Settings(**json.loads(os.environ[ENVIRONMENT]))
    journal = Journal(Path(settings.folder))

    def ready(**_: object) -> None:
        journal.write(event="ready")

    signals.worker_ready.connect(ready)
    return run_worker(
        application_of(settings),
        node=f"{settings.contexts[0]}@%h",
        pool=Pool(settings.pool),
        concurrency=settings.concurrency,
        loglevel="INFO" if os.environ.get("WORKER_LOUD") else "WARNING",
    )


if __name__ == "__main__":
    sys.exit(main())
