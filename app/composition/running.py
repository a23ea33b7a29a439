"""Being one of the processes, until a signal ends it.

Each is imported when it is the one: a process carries only what it needs.
"""

import os
from collections.abc import Callable, Mapping

from adapters.telemetry.logs import set_up_logs
from app.composition.secret_files import private_folder
from app.composition.settings import LogFormat, Settings
from app.composition.tethering import end_with

SUPERVISOR = "THICKET_SUPERVISOR"
PROCESS = "THICKET_PROCESS"
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def run(process: str, settings: Settings) -> int:
    """Be the process of that name; the exit status."""
    _enter(process, settings)
    return _MAINS[process](settings)


def _enter(process: str, settings: Settings) -> None:
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is not None:
        end_with(int(supervisor))
    # The processes that this one starts have another parent.
    os.environ.pop(SUPERVISOR, None)
    os.environ[PROCESS] = process
    os.environ["THICKET_DATA"] = str(settings.data)
    # The library reads this when it is imported.
    os.environ[METRICS_FOLDER] = str(private_folder(settings.metrics_folder))
    set_up_logs(
        process=process,
        level=settings.log_level,
        as_json=settings.log_format is LogFormat.JSON,
    )


def run_channel(name: str, settings: Settings) -> int:
    """Work off one channel, whatever its kind; ``name`` in full, ``<context>.<channel>``.

    Raises:
        NoSuchChannel
    """
    from app.composition.working_off import work_off

    _enter("channel", settings)
    return work_off(name, settings)


def _web(settings: Settings) -> int:
    from app.composition.serving import serve

    return serve(settings)


def _worker(settings: Settings) -> int:
    from app.composition.celery_processes import worker

    return worker(settings)


def _beat(settings: Settings) -> int:
    from app.composition.celery_processes import beat

    beat(settings)


def _flower(settings: Settings) -> int:
    from app.composition.celery_processes import flower

    flower(settings)


def _relay(settings: Settings) -> int:
    from app.composition.relaying import relay

    return relay(settings)


def _mailcatcher(settings: Settings) -> int:
    from app.composition.catching import catch

    return catch(settings)


_MAINS: Mapping[str, Callable[[Settings], int]] = {
    "web": _web,
    "worker": _worker,
    "relay": _relay,
    "beat": _beat,
    "flower": _flower,
    "mailcatcher": _mailcatcher,
}
