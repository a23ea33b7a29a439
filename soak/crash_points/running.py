"""The whole proof: every crash point, or so many of them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from soak.crash_points.place import place
from soak.crash_points.proof import Actor, Attempt, Proof, spread

_NAME = "thicket_crash_points"
_EVERY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``points``: how many there are."""

    points: int
    attempts: Sequence[Attempt]

    @property
    def bad(self) -> Sequence[Attempt]:
        return [attempt for attempt in self.attempts if attempt.differences]

    @property
    def missed(self) -> Sequence[Attempt]:
        """The process did not come by: the story took another way."""
        return [attempt for attempt in self.attempts if not attempt.killed]

    @property
    def is_good(self) -> bool:
        return not self.bad and not self.missed

    @property
    def killed(self) -> int:
        return len(self.attempts) - len(self.missed)

    def as_json(self) -> str:
        shown = {
            "good": self.is_good,
            "points": self.points,
            "killed": self.killed,
            "left_a_trace": [str(attempt) for attempt in self.bad],
            "not_passed": [str(attempt.death) for attempt in self.missed],
        }
        return json.dumps(shown, indent=2)

    def __str__(self) -> str:
        lines = [
            f"Killed at {self.killed} of {self.points} crash points, {len(self.bad)} left a trace"
        ]
        lines += [f"  {attempt}" for attempt in self.bad]
        lines += [f"  not passed: {attempt.death}" for attempt in self.missed]
        return "\n".join(lines)


def kill_everywhere(
    *, admin_url: str, broker_url: str, how_many: int | None, say: Callable[[str], object]
) -> Verdict:
    """On servers of which nobody else uses the broker."""
    with (
        TemporaryDirectory(prefix="thicket-crash-points-") as folder,
        place(admin_url=admin_url, name=_NAME, broker_url=broker_url, folder=Path(folder)) as found,
        Actor(found) as actor,
    ):
        proof = Proof(actor, found)
        passed = proof.undisturbed()
        deaths = spread(passed, how_many)
        say(f"the story passes {len(passed)} crash points; {len(deaths)} of them are next")
        attempts = []
        for number, death in enumerate(deaths, start=1):
            attempt = proof.killed_at(death)
            attempts.append(attempt)
            if attempt.differences or not attempt.killed:
                say(f"{number}: {attempt}")
            elif not number % _EVERY:
                say(f"{number} so far")
    return Verdict(points=len(passed), attempts=attempts)
