"""Talking to the supervisor of a data folder: what runs, stop, restart."""

import time
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from app.cli.product import ProcessState
from app.composition.in_the_way import CannotRun
from app.composition.processes import CONTROL_USER
from app.composition.run_folder import RunFolder

_EVERY_S = 0.1


class Control:
    """Every method raises :class:`CannotRun` when nothing runs on the data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._folder = RunFolder(data)

    def is_running(self) -> bool:
        return self._folder.is_held()

    def processes(self) -> Sequence[ProcessState]:
        found = self._call("getAllProcessInfo")
        return tuple(
            ProcessState(
                name=process["name"],
                state=process["statename"].lower(),
                pid=process["pid"] or None,
                seconds=_running_for(process),
                detail=process["spawnerr"],
            )
            for process in sorted(cast("list[dict[str, Any]]", found), key=lambda one: one["name"])
        )

    def restart(self, name: str) -> None:
        """Stop one process, which finishes what it has begun, and start it anew.

        Raises:
            CannotRun: there is no such process, or it did not start.
        """
        full = self._full_name(name)
        try:
            self._call("stopProcess", full, True)
        except Fault as fault:
            if fault.faultCode != Faults.NOT_RUNNING:
                raise
        try:
            self._call("startProcess", full, True)
        except Fault as fault:
            raise CannotRun(f"{name} does not start; ./thicket status tells more") from fault

    def stop(self, *, limit_s: float) -> None:
        """Stop everything and wait until it is gone.

        Raises:
            CannotRun: it still runs after the limit.
        """
        try:
            self._call("shutdown")
        except Fault as fault:
            if fault.faultCode != Faults.SHUTDOWN_STATE:
                raise
        deadline = time.monotonic() + limit_s
        while self._folder.is_held():
            if time.monotonic() > deadline:
                raise CannotRun(f"it still runs {limit_s:g} s after it was asked to stop")
            time.sleep(_EVERY_S)

    def _full_name(self, name: str) -> str:
        found = cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))
        full = {one["name"]: f"{one['group']}:{one['name']}" for one in found}
        if name not in full:
            raise CannotRun(f"there is no process {name}; there are {', '.join(sorted(full))}")
        return full[name]

    def _call(self, method: str, *arguments: object) -> object:
        address = self._folder.control_address() if self.is_running() else None
        if address is None:
            raise CannotRun(f"nothing runs on the data folder {self._data}")
        transport = SupervisorTransport(CONTROL_USER, address.password, f"unix://{address.socket}")
        with ServerProxy("http://supervisor", transport=transport) as proxy:
            try:
                return cast(object, getattr(proxy.supervisor, method)(*arguments))
            except (OSError, HTTPException) as error:
                raise CannotRun(
                    f"the supervisor of {self._data} does not answer: {error}"
                ) from error


def _running_for(process: dict[str, Any]) -> int | None:
    return max(0, process["now"] - process["start"]) if process["pid"] else None
