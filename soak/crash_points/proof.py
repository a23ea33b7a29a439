"""Kills the desk at every call through a port, and shows that in the end nothing tells.

The story is first told undisturbed, while every point that is passed is written down. Then, for
each point, it is told anew on fresh data by a process that dies there; another goes on where people
were left without an answer. What there is in the end must equal what there was undisturbed: every
row of every kind exactly as often, every mail exactly once.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from sqlalchemy import Engine, create_engine, text

from soak.crash_points.accounts import Account, account, differences
from soak.crash_points.actor import Order, Outcome
from soak.crash_points.boundary import CrashPoint
from soak.crash_points.place import ROOT, Place, product_environment
from soak.crash_points.story import STEPS
from soak.waiting import WaitedInVain, wait_until

_DRAIN_LIMIT_S = 40.0
# Leases and pauses of the dead end; none is longer.
_TIME_PASSES = (
    "UPDATE runtime_message SET claimed_until = claimed_until - INTERVAL '1 hour', "
    "due_at = due_at - INTERVAL '1 hour'",
    "UPDATE runtime_wake_up SET woken_at = woken_at - INTERVAL '1 hour'",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    point: CrashPoint
    occurrence: int
    killed: bool
    differences: Sequence[str]

    def __str__(self) -> str:
        lines = "".join(f"\n    {line}" for line in self.differences)
        return f"{self.point} (time {self.occurrence}){lines}"


class Actor:
    """The process that forks the desks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "soak.crash_points.actor"],
            cwd=ROOT,
            env=product_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, order: Order) -> Outcome:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(order.encode() + "\n")
        stdin.flush()
        return Outcome.decode(stdout.readline())

    def __enter__(self) -> "Actor":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


class Proof:
    """``mails`` is the folder of a mail server that keeps each in a file."""

    def __init__(self, actor: Actor, place: Place, *, mails: Path) -> None:
        self._actor = actor
        self._place = place
        self._mails = mails
        self._wanted: Account = {}

    def undisturbed(self) -> dict[CrashPoint, int]:
        """Every point and how often it was passed."""
        self._start_anew()
        outcome = self._run(list(STEPS), trace=True)
        assert outcome.done == len(STEPS), outcome.error
        with self._engine() as engine:
            self._wanted = account(engine, self._mails)
        return dict(outcome.points)

    def killed_at(self, point: CrashPoint, occurrence: int) -> Attempt:
        self._start_anew()
        names = list(STEPS)
        first = self._run(names, point=point, occurrence=occurrence)
        assert first.killed or not first.error, first.error
        left = names[first.done :]
        found: list[str] = []

        def is_as_wanted() -> bool:
            nonlocal left, found
            self._let_time_pass()
            second = self._run(left)
            left = left[second.done :]
            with self._engine() as engine:
                found = differences(self._wanted, account(engine, self._mails))
            if second.error:
                found.append(second.error.strip())
            return not found

        with suppress(WaitedInVain):  # the differences say what is missing
            wait_until(is_as_wanted, limit_s=_DRAIN_LIMIT_S, every_s=0.3, what="the same account")
        return Attempt(point=point, occurrence=occurrence, killed=first.killed, differences=found)

    def _run(
        self,
        steps: Sequence[str],
        *,
        point: CrashPoint | None = None,
        occurrence: int = 1,
        trace: bool = False,
    ) -> Outcome:
        return self._actor.run(
            Order(
                settings=dict(self._place.settings),
                mails=str(self._mails),
                steps=steps,
                point=point,
                occurrence=occurrence,
                trace=trace,
            )
        )

    def _start_anew(self) -> None:
        rmtree(self._mails)
        self._mails.mkdir()
        self._place.start_anew()

    def _let_time_pass(self) -> None:
        with self._engine() as engine, engine.begin() as connection:
            for statement in _TIME_PASSES:
                connection.execute(text(statement))

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        engine = create_engine(self._place.sqlalchemy_url)
        try:
            yield engine
        finally:
            engine.dispose()


def spread(points: Mapping[CrashPoint, int], how_many: int | None) -> list[tuple[CrashPoint, int]]:
    """So many of the points, evenly over the story, or all; each with the time at which it is
    passed that lies in the middle, where most is going on."""
    every = list(points.items())
    if how_many is not None and how_many < len(every):
        every = [every[position * len(every) // how_many] for position in range(how_many)]
    return [(point, (times + 1) // 2) for point, times in every]
