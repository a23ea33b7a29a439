"""The three processes that Celery is the program of."""

import warnings
from datetime import timedelta
from importlib import import_module
from typing import NoReturn

from celery import Celery
from celery.exceptions import SecurityWarning

from adapters.celery_channels.application import create_celery
from adapters.celery_channels.broker import Broker
from adapters.sql_broker.registration import register
from app.composition.settings import Settings

MAINTENANCE_EVERY = timedelta(minutes=1)
FLOWER_USER = "operator"
# Flower keeps these in memory.
_FLOWER_TASKS = 10_000
_FLOWER_FORGETS_WORKERS = timedelta(hours=1)


def worker(settings: Settings, *, channels: list[str] | None = None) -> int:
    """Of all channels, or of some by their full names."""
    from celery import signals

    from adapters.celery_channels.worker import Pool, run_worker
    from celery_worker import app

    # It warns of unpickling what strangers send; we take JSON only.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    pool = Pool(settings.worker_pool)
    if pool is Pool.THREADS:
        # Handlers run in this very process: it is heard of before its first message comes.
        signals.worker_ready.connect(lambda **_: app.serving.open(), weak=False)
    return run_worker(
        app,
        # Two copies on one machine may share a broker.
        node="-".join(["worker", str(settings.port), *(channels or [])]),
        queues=channels,
        pool=pool,
        concurrency=settings.worker_concurrency,
        loglevel=settings.log_level,
    )


def beat(settings: Settings) -> NoReturn:
    application = _application(settings, maintenance_every=MAINTENANCE_EVERY)
    application.start(["--quiet", "beat", f"--loglevel={settings.log_level}", "--pidfile="])


def flower(settings: Settings) -> NoReturn:
    from flower.views.monitor import Metrics
    from tornado.options import options
    from tornado.web import authenticated

    import_module("flower.options")  # defines them
    # The one page of Flower's that tells names of workers and tasks to whoever asks.
    Metrics.get = authenticated(Metrics.get)
    # The list of processes shows arguments to everybody, and a variable would be split at commas.
    options.basic_auth = [f"{FLOWER_USER}:{settings.flower_password}"]
    forgets = round(_FLOWER_FORGETS_WORKERS.total_seconds())
    _application(settings).start(
        [
            "--quiet",
            "flower",
            f"--address={settings.flower_bind}",
            f"--port={settings.flower_port}",
            f"--max_tasks={_FLOWER_TASKS}",
            f"--purge_offline_workers={forgets}",
            # Replaying and deleting belong to the console, which records who did it and why.
            "--read_only=true",
        ]
    )


def _application(settings: Settings, *, maintenance_every: timedelta | None = None) -> Celery:
    """Neither beat nor Flower needs to know the channels."""
    register()
    broker = Broker(url=settings.broker_url, queues=())
    return create_celery(broker, maintenance_every=maintenance_every)
