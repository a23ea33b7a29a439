"""Processes of this machine, as the kernel tells of them."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    pid: int
    parent: int
    session: int
    arguments: tuple[str, ...]


def running_processes() -> Iterator[Running]:
    """Those that are no zombies."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            arguments = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it ended while we looked
        if fields[0] not in ("Z", "X"):
            yield Running(
                pid=int(entry.name),
                parent=int(fields[1]),
                session=int(fields[3]),
                arguments=tuple(arguments[:-1]),
            )


def children_of(pid: int) -> list[Running]:
    return sorted(
        (found for found in running_processes() if found.parent == pid), key=lambda one: one.pid
    )


def members_of(session: int) -> list[int]:
    return [found.pid for found in running_processes() if found.session == session]


def is_alive(pid: int) -> bool:
    return any(found.pid == pid for found in running_processes())


def send(pid: int, number: signal.Signals) -> bool:
    """False: it was gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False
