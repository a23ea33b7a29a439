"""``./thicket up``: everything checked and prepared, then this process becomes the supervisor."""

import fcntl
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import click

from app.composition.environment import read_settings, with_kept_secrets
from app.composition.in_the_way import CannotRun
from app.composition.processes import (
    can_be_opened_again,
    listeners,
    programs,
    refuse_ports_in_use,
    supervisor_configuration,
    write_configuration,
)
from app.composition.run_folder import RunFolder
from app.composition.secret_files import private_folder


def up(*, data: Path | None, port: int | None) -> None:
    """Never returns. Nothing has been started or changed when this raises; the data folder and its
    databases may be there, unless what was set cannot be used or something is in the way.

    Raises:
        SettingsAreWrong, CannotRun, CannotStart, StoreUnavailable
    """
    settings = read_settings(data=data, port=port)
    folder = RunFolder(settings.data)
    runs_already = CannotRun(f"Thicket already runs on the data folder {settings.data}")
    if folder.is_held():  # who starts it twice is not told of the ports, which are its own
        raise runs_already
    refuse_ports_in_use(listeners(settings))
    folder.make()
    if folder.lock() is None:
        raise runs_already
    folder.socket.unlink(missing_ok=True)  # left behind by one that was killed
    settings = with_kept_secrets(settings)

    from app.composition.preparing import prepare

    click.echo(f"Preparing {settings.data}")
    prepare(settings)

    # What the processes are told beyond the environment that they share with us.
    os.environ["THICKET_DATA"] = str(settings.data)
    os.environ["THICKET_PORT"] = str(settings.port)
    folder.keep_port(settings.port)
    shutil.rmtree(settings.metrics_folder, ignore_errors=True)
    private_folder(settings.metrics_folder)
    configuration = write_configuration(
        folder,
        supervisor_configuration(
            programs(settings),
            folder,
            supervisor=os.getpid(),
            to_files=not can_be_opened_again(sys.stdout.fileno()),
        ),
    )
    _append_to_standard_output()
    sys.stdout.flush()
    python = [sys.executable, "-P", "-m"]
    subprocess.Popen([*python, "app.composition.announcing", str(os.getpid())])  # noqa: S603
    os.execv(  # noqa: S606
        sys.executable, [*python, "app.composition.foreground", str(configuration)]
    )


def _append_to_standard_output() -> None:
    """The supervisor opens a redirected standard output a second time: each writer has a place of
    its own in the file then, and would overwrite what the other wrote."""
    descriptor = sys.stdout.fileno()
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_APPEND)
