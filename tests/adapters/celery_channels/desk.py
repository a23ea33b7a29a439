"""A channel on a real broker, with real workers to start and to kill."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from kombu import Producer

from adapters.celery_channels.broker import Broker
from adapters.celery_channels.publishing import CelerySender
from adapters.celery_channels.worker import WorkerApplication
from adapters.serialization.envelopes import encode_delivery
from ports.messages import Delivery
from ports.outbound.channels import MessageChannel
from tests.adapters.celery_channels.worker_under_test import (
    ENVIRONMENT,
    Journal,
    Settings,
    application_of,
    broker_of,
)
from tests.suites.builders import ENDPOINT, a_delivery
from tests.support.waiting import wait_until

_PROJECT = Path(__file__).parents[3]
_STARTING_SECONDS = 30.0


@dataclass(kw_only=True)
class Desk:
    """``channel`` is that of the first context of the settings."""

    settings: Settings
    worker_settings: Settings  # those of the workers, where they differ
    broker: Broker
    sender: CelerySender
    channel: MessageChannel
    journal: Journal

    # -- sending ---------------------------------------------------------------------------------

    def delivery(
        self,
        *,
        context: str | None = None,
        endpoint: str = ENDPOINT,
        priority: int = 4,
        **wish: Any,
    ) -> Delivery:
        return a_delivery(
            endpoint=endpoint,
            channel=f"{context or self.settings.contexts[0]}.parcels",
            priority=priority,
            payload=json.dumps(wish).encode(),
        )

    def send(self, **arguments: Any) -> str:
        """Publish one delivery, as :meth:`delivery` makes it, and return its message's id."""
        delivery = self.delivery(**arguments)
        self.sender.channel(delivery.channel).publish([delivery])
        return delivery.envelope.metadata.id

    def send_raw(
        self,
        body: bytes,
        *,
        headers: dict[str, Any] | None = None,
        content_type: str = "application/json",
        content_encoding: str = "utf-8",
        queue: str | None = None,
    ) -> None:
        """Put anything at all into a queue, by default the channel's."""
        with self.broker.connection() as connection:
            channel = connection.channel()
            for entity in [*self.broker.entities(), self.broker.maintenance_entity()]:
                entity(channel).declare()
            Producer(channel, auto_declare=False).publish(
                body,
                routing_key=queue or self.channel.name,
                headers=headers or {},
                content_type=content_type,
                content_encoding=content_encoding,
            )

    # -- workers ---------------------------------------------------------------------------------

    @contextmanager
    def worker(self, *, may_die: bool = False, **changes: Any) -> Iterator["RunningWorker"]:
        """A worker that is ready; stopped, or killed when it does not stop, at the end."""
        settings = replace(self.worker_settings, **changes)
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", f"{__package__}.worker_under_test"],
            cwd=_PROJECT,
            env={**os.environ, ENVIRONMENT: settings.to_json()},
            start_new_session=True,
        )
        running = RunningWorker(process=process)
        try:
            opened = len(self.events("ready"))
            wait_until(
                lambda: len(self.events("ready")) > opened or process.poll() is not None,
                limit_s=_STARTING_SECONDS,
                what="a worker that is ready",
            )
            assert may_die or process.poll() is None, "the worker ended at once"
            yield running
        finally:
            running.end()

    @cached_property
    def application(self) -> WorkerApplication:
        """For asking workers; it is not itself one."""
        return application_of(self.settings)

    # -- what happened ---------------------------------------------------------------------------

    def events(self, event: str, message: str | None = None) -> list[dict[str, Any]]:
        return [
            entry
            for entry in self.journal.read()
            if entry["event"] == event and message in (None, entry.get("message"))
        ]

    def wait_for(
        self, event: str, message: str | None = None, *, count: int = 1, limit_s: float = 20.0
    ) -> list[dict[str, Any]]:
        wait_until(
            lambda: len(self.events(event, message)) >= count,
            limit_s=limit_s,
            what=f"{count} x {event} of {message}; there is {self.journal.read()}",
        )
        return self.events(event, message)

    def take_storage_away(self, context: str) -> None:
        self._away(context).touch()

    def bring_storage_back(self, context: str) -> None:
        self._away(context).unlink()

    def signpost(self, name: str) -> Path:
        """A file that handlers may wait for."""
        return Path(self.settings.folder) / name

    def _away(self, context: str) -> Path:
        return Path(self.settings.folder) / f"{context}.away"

    def remove(self) -> None:
        """Take the queues from the broker."""
        with self.broker.connection() as connection:
            channel = connection.channel()
            for entity in [*self.broker.entities(), self.broker.maintenance_entity()]:
                entity(channel).delete()
        self.sender.close()


@dataclass(kw_only=True)
class RunningWorker:
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """As a machine that goes down: all its processes at once, no signal handler runs."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Ask it to end, and wait for that; the exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


def a_desk(folder: Path, settings: Settings) -> Desk:
    broker = broker_of(settings)
    sender = CelerySender(broker, encode=encode_delivery)
    return Desk(
        settings=settings,
        worker_settings=settings,
        broker=broker,
        sender=sender,
        channel=sender.channel(f"{settings.contexts[0]}.parcels"),
        journal=Journal(folder),
    )
