"""gunicorn, set up for this product.

Other servers, and gunicorn started by hand, take ``wsgi:application`` and miss only what is set
here.
"""

from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.util import import_app

from app.composition.collecting import spare_what_stays
from app.composition.heartbeats import HEART
from app.composition.settings import Settings
from app.composition.slow_clients import patient_worker

_APPLICATION = "wsgi:application"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn makes a file without a name in it
_GRACE_S = 30


def serve(settings: Settings) -> int:
    """Returns, or exits, when a signal stopped it; requests that run then are finished first."""
    _Server(gunicorn_options(settings)).run()
    return 0


def gunicorn_options(settings: Settings) -> dict[str, Any]:
    host = f"[{settings.bind}]" if ":" in settings.bind else settings.bind
    return {
        "bind": [f"{host}:{settings.port}"],
        "worker_class": patient_worker(settings.limits.request_time),
        "workers": settings.web_processes,
        "threads": settings.web_threads,
        # Each process makes its own application after the fork, so that no connection, thread or
        # exporter is shared.
        "preload_app": False,
        "graceful_timeout": _GRACE_S,
        "timeout": 60,
        "keepalive": 5,
        # A heartbeat file on a disk that is busy stalls a worker until it is taken for dead.
        "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
        # The application itself decides which proxies it believes.
        "forwarded_allow_ips": "",
        "proc_name": "thicket-web",
        "errorlog": "-",
        "accesslog": None,
        "loglevel": "warning",
        "logger_class": SharedLog,
        "control_socket_disable": True,
        "post_worker_init": _settle_in,
        "worker_exit": _stop_heart,
        "child_exit": _forget_metrics,
    }


def _settle_in(worker: Any) -> None:
    heart = _heart_in(worker)
    if heart is not None:
        heart.start()
    spare_what_stays()


def _stop_heart(_server: object, worker: Any) -> None:
    heart = _heart_in(worker)
    if heart is not None:
        heart.stop()


def _heart_in(worker: Any) -> Any:
    """Of the application that this process made; other applications have none."""
    return getattr(getattr(worker, "wsgi", None), "extensions", {}).get(HEART)


def _forget_metrics(_server: object, worker: Any) -> None:
    """Gauges of a process that is gone must not be added to those of the living."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


class SharedLog(Logger):  # type: ignore[misc]
    """Lines go where all others go: an address that is complained about may hold a signed token,
    which is taken out there."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in list(self.error_log.handlers):
            self.error_log.removeHandler(handler)
        self.error_log.propagate = True


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> object:
        return import_app(_APPLICATION)
