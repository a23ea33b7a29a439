"""Which processes make up a deployment on one machine, and the supervisor's file for them."""

import os
import pwd
import re
import secrets
import shlex
import socket
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from app.composition.environment import ROOT
from app.composition.in_the_way import CannotRun
from app.composition.run_folder import RunFolder
from app.composition.settings import Settings

CONTROL_USER = "thicket"
_UNREADABLE = re.compile(r"[\r\n]|\s[;#]")  # a line of its own, or a comment


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    name: str
    command: Sequence[str]
    stop_limit: timedelta  # killed when it takes longer to stop
    # Starts before the others and stops after them, because they hand their last work to it.
    outlives_the_others: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A port that ``up`` opens."""

    what: str
    host: str
    port: int


def programs(settings: Settings) -> tuple[Program, ...]:
    chosen = [
        _program("web", stop_limit=timedelta(seconds=40)),
        _program("worker", stop_limit=settings.stop_limit),
        _program("relay", stop_limit=timedelta(seconds=40)),
        _program("beat"),
    ]
    if settings.flower:
        chosen.append(_program("flower"))
    if settings.mail_catcher:
        chosen.append(replace(_program("mailcatcher"), outlives_the_others=True))
    return tuple(chosen)


def listeners(settings: Settings) -> tuple[Listener, ...]:
    found = [Listener(what="the pages", host=settings.bind, port=settings.port)]
    if settings.flower:
        found.append(Listener(what="Flower", host=settings.flower_bind, port=settings.flower_port))
    if settings.mail_catcher:
        found.append(
            Listener(what="the mail catcher", host="127.0.0.1", port=settings.mail_catcher_port)
        )
    return tuple(found)


def refuse_ports_in_use(wanted: tuple[Listener, ...]) -> None:
    """Raises:
    CannotRun: naming every one that cannot be opened.
    """
    taken = [
        f"port {listener.port} for {listener.what} cannot be opened on {listener.host}: {reason}"
        for listener in wanted
        if (reason := _why_not(listener))
    ]
    if taken:
        raise CannotRun(f"{'; '.join(taken)}; choose another with --port")


def supervisor_configuration(
    chosen: Sequence[Program], folder: RunFolder, *, supervisor: int, to_files: bool
) -> str:
    """The supervisor's file. ``supervisor`` is the process id that it will have.

    ``to_files``: what the programs print goes to files in the run folder, because standard output
    cannot be opened a second time.
    """
    sections = [
        _section(
            "supervisord",
            nodaemon="true",
            logfile="/dev/null",
            logfile_maxbytes="0",
            loglevel="warn",
            pidfile=str(folder.pid_file),
            umask="077",
            directory=str(ROOT),
            user=pwd.getpwuid(os.getuid()).pw_name,
        ),
        _section(
            "unix_http_server",
            file=str(folder.socket),
            chmod="0700",
            username=CONTROL_USER,
            password=secrets.token_urlsafe(24),
        ),
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = "
        "supervisor.rpcinterface:make_main_rpcinterface\n",
    ]
    sections += [
        _program_section(program, folder, supervisor=supervisor, to_files=to_files)
        for program in chosen
    ]
    outliving = [program.name for program in chosen if program.outlives_the_others]
    others = [program.name for program in chosen if not program.outlives_the_others]
    # Groups stop one after the other, the highest number first; what is in one stops together.
    sections.append(_section("group:thicket", programs=",".join(others), priority="10"))
    if outliving:
        sections.append(_section("group:outliving", programs=",".join(outliving), priority="1"))
    return "\n".join(sections)


def can_be_opened_again(descriptor: int) -> bool:
    """Whether the supervisor can open its standard output anew for what programs print."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _program(name: str, *, stop_limit: timedelta = timedelta(seconds=15)) -> Program:
    command = (sys.executable, "-P", "-m", "app.composition", name)
    return Program(name=name, command=command, stop_limit=stop_limit)


def _program_section(
    program: Program, folder: RunFolder, *, supervisor: int, to_files: bool
) -> str:
    log = {"stdout_logfile": "/dev/stdout", "stdout_logfile_maxbytes": "0"}
    if to_files:
        log = {
            "stdout_logfile": str(folder.path / f"{program.name}.log"),
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "2",
        }
    return _section(
        f"program:{program.name}",
        command=shlex.join(program.command),
        environment=f'THICKET_PROCESS="{program.name}",THICKET_SUPERVISOR="{supervisor}"',
        autorestart="true",
        startsecs="2",
        startretries="20",
        # Only the process itself is asked to stop: it knows how to end its own children. Whoever
        # is left after the limit is killed with the whole group.
        stopsignal="TERM",
        stopasgroup="false",
        killasgroup="true",
        stopwaitsecs=str(max(1, round(program.stop_limit.total_seconds()))),
        redirect_stderr="true",
        **log,
    )


def _section(name: str, **values: str) -> str:
    for value in values.values():
        if _UNREADABLE.search(value):
            raise CannotRun(f"the supervisor cannot read {value!r}: take a simpler path")
    # The supervisor expands percent signs in every value.
    lines = [f"{key} = {value.replace('%', '%%')}" for key, value in values.items()]
    return "\n".join((f"[{name}]", *lines, ""))


def _why_not(listener: Listener) -> str:
    try:
        found = socket.getaddrinfo(
            listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                # As the servers do: connections that were closed lately are not in the way.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def write_configuration(folder: RunFolder, text: str) -> Path:
    """Only its owner may read it: it holds the password of the control socket."""
    temporary = folder.configuration.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    temporary.replace(folder.configuration)
    return folder.configuration
