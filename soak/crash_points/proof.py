"""Kills the desk at every call through a port, and shows that in the end nothing tells.

The story is first told undisturbed, each step by a process of its own, while every point that is
passed is written down and what there is before each step is kept. Then, for each point, the step in
which it lies is told anew, on what there was before it, by a process that dies there; another tells
it again, as people do who were left without an answer, and goes on to the end of the story. What
there is then must equal what there was undisturbed: every row of every kind exactly as often, every
mail exactly once.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from soak.crash_points.accounts import Account, account, differences
from soak.crash_points.actor import Order, Outcome
from soak.crash_points.boundary import CrashPoint
from soak.crash_points.place import ROOT, Place, product_environment
from soak.crash_points.story import STEPS
from soak.waiting import WaitedInVain, wait_until

_DRAIN_LIMIT_S = 40.0
# On a busy machine a server may not answer in time before the process comes to its point.
_MOST_TRIES = 3
# Leases and pauses of the dead end; none is longer.
_TIME_PASSES = (
    "UPDATE runtime_message SET claimed_until = claimed_until - INTERVAL '1 hour', "
    "due_at = due_at - INTERVAL '1 hour'",
    "UPDATE runtime_wake_up SET woken_at = woken_at - INTERVAL '1 hour'",
)


# How often each point is passed in which step.
Passed = Mapping[CrashPoint, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """When the point is passed for the nth time in that step, from 1 on."""

    point: CrashPoint
    step: str
    occurrence: int

    def __str__(self) -> str:
        return f"{self.point} (time {self.occurrence} of {self.step!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    death: Death
    killed: bool
    differences: Sequence[str]

    def __str__(self) -> str:
        return "\n    ".join((str(self.death), *self.differences))


class Actor:
    """The process that forks the desks."""

    def __init__(self, place: Place) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "soak.crash_points.actor", str(place.mails)],
            cwd=ROOT,
            env={**product_environment(), **place.settings},
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
    def __init__(self, actor: Actor, place: Place) -> None:
        self._actor = actor
        self._place = place
        self._wanted: Account = {}

    def undisturbed(self) -> Passed:
        passed: dict[CrashPoint, dict[str, int]] = {}
        self._place.go_back(0)
        for moment, step in enumerate(STEPS, start=1):
            outcome = self._actor.run(Order(steps=[step], trace=True))
            assert outcome.done == 1, outcome.error
            for point, times in outcome.points:
                passed.setdefault(point, {})[step] = times
            self._place.keep(moment)
        with self._connection() as connection:
            self._wanted = account(connection, self._place.mails)
        return passed

    def killed_at(self, death: Death) -> Attempt:
        names = list(STEPS)
        moment = names.index(death.step)
        order = Order(steps=[death.step], point=death.point, occurrence=death.occurrence)
        for _ in range(_MOST_TRIES):
            self._place.go_back(moment)
            first = self._actor.run(order)
            if not first.error:
                break
            self._empty_the_queues()
        left = names[moment + first.done :]
        found: list[str] = []

        def is_as_wanted() -> bool:
            nonlocal left, found
            self._let_time_pass()
            second = self._actor.run(Order(steps=left))
            left = left[second.done :]
            with self._connection() as connection:
                found = differences(self._wanted, account(connection, self._place.mails))
            if second.error:
                found.append(second.error.strip())
            return not found

        with suppress(WaitedInVain):  # the differences say what is missing
            wait_until(is_as_wanted, limit_s=_DRAIN_LIMIT_S, what="the same account")
        if found:
            self._empty_the_queues()
        return Attempt(death=death, killed=first.killed, differences=found)

    def _empty_the_queues(self) -> None:
        """What was left half done would disturb whoever comes next."""
        self._actor.run(Order(steps=[]))

    def _let_time_pass(self) -> None:
        with self._connection() as connection:
            for statement in _TIME_PASSES:
                connection.execute(statement)

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(self._place.database_url)


def spread(passed: Passed, how_many: int | None) -> list[Death]:
    """So many of the points, evenly over the story, or all; each at the time at which it is passed
    that lies in the middle, where most is going on."""
    every = list(passed.items())
    if how_many is not None and how_many < len(every):
        every = [every[position * len(every) // how_many] for position in range(how_many)]
    return [_in_the_middle(point, times) for point, times in every]


def _in_the_middle(point: CrashPoint, times: Mapping[str, int]) -> Death:
    every = [(step, number) for step, count in times.items() for number in range(1, count + 1)]
    step, occurrence = every[(len(every) - 1) // 2]
    return Death(point=point, step=step, occurrence=occurrence)
