"""Workers: Celery processes that hand what comes from the broker to the contexts."""

import math
import os
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, cast

from celery import Celery, Task, signals
from celery.utils.nodenames import default_nodename, host_format

from adapters.celery_channels.application import DefaultExchangeOnly, settings
from adapters.celery_channels.broker import MAINTENANCE, Broker, BrokerKind, ChannelQueue
from adapters.celery_channels.consuming import STORAGE_TASK, ChannelConsumer
from adapters.celery_channels.jobs import Job, Probe
from adapters.celery_channels.serving import Decode, HandBack, OpenProcess, Serving

_MAINTENANCE_SECONDS = 600
_STORAGE_SECONDS = 30


class Pool(StrEnum):
    PREFORK = "prefork"
    THREADS = "threads"
    SOLO = "solo"


class WorkerApplication(Celery):
    """A Celery application that can be run as a worker, by :func:`run_worker` or by
    ``celery -A module worker``."""

    broker: Broker
    serving: Serving


class ChannelTask(Task):  # type: ignore[type-arg]
    """The one task of a channel. It is never called by name: what arrives on the queue becomes its
    argument, a job."""

    abstract = True
    Request = "adapters.celery_channels.requests:JobRequest"
    typing = False
    queue: ChannelQueue

    def run(self, job: Job) -> None:
        _application(self).serving.run(self.queue, job)


class StorageTask(Task):  # type: ignore[type-arg]
    """Asks, in a process of the pool, whether the storage of a context is back."""

    abstract = True
    Request = "adapters.celery_channels.requests:StorageRequest"
    name = STORAGE_TASK
    typing = False
    send_events = False
    acks_on_timeout = False
    time_limit = _STORAGE_SECONDS

    def run(self, context: str) -> None:
        application = _application(self)
        for queue in application.broker.queues:
            if queue.context == context:
                application.serving.run(queue, Probe())
                return
        raise HandBack(f"no channel of context {context}")


class MaintenanceTask(Task):  # type: ignore[type-arg]
    abstract = True
    name = MAINTENANCE
    time_limit = _MAINTENANCE_SECONDS

    def run(self) -> None:
        _application(self).serving.maintain()


def build_worker(
    broker: Broker,
    *,
    decode: Decode,
    open_process: OpenProcess,
    time_limits: Mapping[str, float] | None = None,
    prefetch: int = 4,
    name: str = "thicket",
) -> WorkerApplication:
    """The application of a worker; opens nothing.

    ``open_process`` is called once in every process that runs handlers, after all forks.
    ``time_limits`` gives the endpoints whose limit is not their channel's, in seconds. ``prefetch``
    is how many messages wait in a worker for each that is handled; 1 where priorities matter.
    """
    application = WorkerApplication(
        name, amqp=DefaultExchangeOnly, set_as_current=False, changes=settings(broker)
    )
    application.broker = broker
    application.serving = Serving(
        decode=decode, open_process=open_process, time_limits=time_limits or {}
    )
    application.conf.update(
        worker_consumer=ChannelConsumer,
        worker_prefetch_multiplier=prefetch,
    )
    if broker.kind is BrokerKind.REDIS:
        application.conf.update(broker_read_url=broker.read_url)
    for queue in broker.queues:
        application.register_task(_task_of(queue))
    application.register_task(StorageTask())
    application.register_task(MaintenanceTask())
    _open_in_children(application)
    return application


def run_worker(
    application: WorkerApplication,
    *,
    node: str = "worker",
    queues: list[str] | None = None,
    pool: Pool = Pool.PREFORK,
    concurrency: int = 2,
    loglevel: str = "WARNING",
) -> int:
    """Work until a signal says stop; the exit code. ``queues`` names channels, by default all and
    the maintenance."""
    worker: Any = application.Worker(
        hostname=host_format(default_nodename(node)),
        pool=pool.value,
        concurrency=concurrency,
        queues=queues,
        loglevel=loglevel,
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or os.EX_OK)


def _application(task: Task) -> WorkerApplication:  # type: ignore[type-arg]
    return cast(WorkerApplication, task.app)


def _task_of(queue: ChannelQueue) -> Task:  # type: ignore[type-arg]
    task = ChannelTask()
    task.name = queue.name
    task.queue = queue
    task.time_limit = math.ceil(queue.declaration.time_limit_seconds)
    return task


def _open_in_children(application: WorkerApplication) -> None:
    def open_after_fork(**_: Any) -> None:
        application.serving.open()

    def close(**_: Any) -> None:
        application.serving.close()

    signals.worker_process_init.connect(open_after_fork, weak=False)
    signals.worker_process_shutdown.connect(close, weak=False)
    signals.worker_shutdown.connect(close, weak=False)
