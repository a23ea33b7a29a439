"""The hexagon's boundary while the product runs: every call through a port, found by tracing.

A call crosses a boundary when the nearest of our own frames that called it belongs elsewhere: the
engine, the pages and the domain are one side, each adapter is another, for adapters use one
another through ports as well. Nothing is listed by hand, so a new port, a new adapter or a new
call is a new crash point by itself.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

INSIDE = ("app.", "domain.")
OUTSIDE = "adapters."
# Wires both sides together and belongs to neither.
NEITHER = ("app.composition.", "app.cli.")
# Spans are an aid for people; nothing is promised for those of a killed process.
NOT_TRACED = ("adapters.telemetry.", "adapters.system.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint:
    """One call through a port, and whether death comes before it or after it."""

    call: str  # caller -> callee
    after: bool

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} {self.call}"


Visit = Callable[[CrashPoint], None]


class Boundary:
    """Tells ``visit`` of each crossing of the calling thread, in order, from :meth:`watch` on."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._sides: dict[CodeType, str] = {}
        self._open: dict[FrameType, str] = {}

    def watch(self) -> None:
        sys.setprofile(self._look)

    def rest(self) -> None:
        sys.setprofile(None)
        self._open.clear()

    def _look(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            side = self._side(frame)
            if not side:
                return
            caller = self._caller(frame)
            if caller is None or self._side(caller) == side:
                return
            call = f"{_name(caller)} -> {_name(frame)}"
            self._open[frame] = call
            self._visit(CrashPoint(call=call, after=False))
        elif event == "return":
            call = self._open.pop(frame, "")
            if call:
                self._visit(CrashPoint(call=call, after=True))

    def _side(self, frame: FrameType) -> str:
        code = frame.f_code
        side = self._sides.get(code)
        if side is None:
            side = self._sides[code] = _side_of(frame)
        return side

    def _caller(self, frame: FrameType) -> FrameType | None:
        caller = frame.f_back
        while caller is not None and not self._side(caller):
            caller = caller.f_back
        return caller


def _side_of(frame: FrameType) -> str:
    module = frame.f_globals.get("__name__") or ""
    name = frame.f_code.co_name
    if module.startswith(NEITHER + NOT_TRACED) or name in _NO_CALLS:
        return ""
    if module.startswith(INSIDE):
        return "inside"
    return module.split(".")[1] if module.startswith(OUTSIDE) else ""


_NO_CALLS = ("<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>", "<module>", "__init__")


def _name(frame: FrameType) -> str:
    return f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}"


def killing_at(point: CrashPoint, occurrence: int) -> Visit:
    """Ends the process by SIGKILL when it comes to that point for the nth time, from 1 on."""
    left = occurrence

    def visit(found: CrashPoint) -> None:
        nonlocal left
        if found == point:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    return visit
