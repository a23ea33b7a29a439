"""A process that puts the product together once and forks a new one for every run.

Reads one order a line as JSON, answers one line. A run is a child that opens everything itself,
does its steps and leaves, or is killed at a crash point: by SIGKILL, so that nothing is closed,
flushed or given back. The settings are its environment, its argument is a folder with one file for
each mail.
"""

import gc
import json
import os
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

from adapters.telemetry.logs import set_up_logs
from app.composition.environment import load_settings
from soak.crash_points.boundary import Boundary, CrashPoint, Visit, killing_at
from soak.crash_points.desk import Desk
from soak.crash_points.story import STEPS, Mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """``steps`` by name; none: what is there is worked off. ``point`` none: nobody is killed.
    ``trace``: points are written down."""

    steps: Sequence[str]
    point: CrashPoint | None = None
    occurrence: int = 1
    trace: bool = False

    def encode(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, line: str) -> "Order":
        values: dict[str, Any] = json.loads(line)
        point = values.pop("point")
        return cls(**values, point=CrashPoint(**point) if point else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``done``: how many steps were answered. ``points``: how often each was passed, if asked."""

    killed: bool
    done: int
    error: str
    points: list[tuple[CrashPoint, int]]

    def encode(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, line: str) -> "Outcome":
        values: dict[str, Any] = json.loads(line)
        points = [(CrashPoint(**point), count) for point, count in values.pop("points")]
        return cls(**values, points=points)


def main() -> None:
    settings = load_settings()
    desk, mails = Desk(settings), _mails(Path(sys.argv[1]))
    desk.read_templates()
    gc.freeze()  # no child looks for garbage in what all of them share
    for line in sys.stdin:
        outcome = _run(Order.decode(line), desk, mails)
        print(outcome.encode(), flush=True)  # noqa: T201 - that is the answer


def _run(order: Order, desk: Desk, mails: Mailbox) -> Outcome:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _be_the_product(order, desk, mails, writing)
    os.close(writing)
    with os.fdopen(reading) as told:
        lines = told.read().splitlines()
    _, status = os.waitpid(child, 0)
    told_points = [json.loads(line[7:]) for line in lines if line.startswith("points ")]
    return Outcome(
        killed=os.WIFSIGNALED(status),
        done=lines.count("done"),
        error="\n".join(json.loads(line[6:]) for line in lines if line.startswith("error ")),
        points=[(CrashPoint(**point), count) for point, count in (told_points or [[]])[0]],
    )


def _be_the_product(order: Order, desk: Desk, mails: Mailbox, writing: int) -> None:
    """Never returns."""

    def tell(line: str) -> None:
        os.write(writing, f"{line}\n".encode())

    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        passed: Counter[CrashPoint] = Counter()
        boundary = Boundary(_visit(order, passed))
        set_up_logs(process="desk", level=desk.deployment.settings.log_level, as_json=False)
        if order.trace or order.point is not None:  # else it would only cost time
            boundary.watch()
        for name in order.steps:
            STEPS[name](desk, mails)
            desk.settle()
            tell("done")
        if not order.steps:
            desk.settle()
        boundary.rest()
        if order.trace:
            tell(
                "points " + json.dumps([(asdict(point), count) for point, count in passed.items()])
            )
        desk.deployment.close()
    except BaseException:  # noqa: BLE001 - told to whoever ordered it
        sys.setprofile(None)
        tell("error " + json.dumps(traceback.format_exc()))
        os._exit(1)
    os._exit(0)


def _visit(order: Order, passed: Counter[CrashPoint]) -> Visit:
    if order.point is not None:
        return killing_at(order.point, order.occurrence)
    return lambda point: passed.update((point,))


def _mails(folder: Path) -> Mailbox:
    return lambda: [_text(file) for file in sorted(folder.glob("*.eml"))]


def _text(file: Path) -> str:
    """As people read it: on its way long lines, such as links, were broken."""
    body = message_from_bytes(file.read_bytes(), policy=default).get_body(("plain",))
    return "" if body is None else str(body.get_content())


if __name__ == "__main__":
    main()
