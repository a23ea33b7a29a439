"""The whole proof: every crash point, or so many of them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from soak.crash_points.mail_server import mail_server
from soak.crash_points.place import place
from soak.crash_points.proof import Actor, Attempt, Proof, spread
from soak.ports import free_ports

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
            "not_passed": [str(attempt.point) for attempt in self.missed],
        }
        return json.dumps(shown, indent=2)

    def __str__(self) -> str:
        lines = [
            f"Killed at {self.killed} of {self.points} crash points, {len(self.bad)} left a trace"
        ]
        lines += [f"  {attempt}" for attempt in self.bad]
        lines += [f"  not passed: {attempt.point}" for attempt in self.missed]
        return "\n".join(lines)


def kill_everywhere(
    *, admin_url: str, broker_url: str, how_many: int | None, say: Callable[[str], object]
) -> Verdict:
    """On servers of which nobody else uses the broker."""
    with TemporaryDirectory(prefix="thicket-crash-points-") as name:
        folder = Path(name)
        mails = folder / "mails"
        mails.mkdir()
        with (
            mail_server(mails, port=free_ports()) as smtp_url,
            place(
                admin_url=admin_url,
                name=_NAME,
                broker_url=broker_url,
                smtp_url=smtp_url,
                data=folder / "data",
            ) as found,
            Actor() as actor,
        ):
            proof = Proof(actor, found, mails=mails)
            points = proof.undisturbed()
            chosen = spread(points, how_many)
            say(f"the story passes {len(points)} crash points; {len(chosen)} of them are next")
            attempts = []
            for number, (point, occurrence) in enumerate(chosen, start=1):
                attempt = proof.killed_at(point, occurrence)
                attempts.append(attempt)
                if attempt.differences or not attempt.killed:
                    say(f"{number}: {attempt}")
                elif not number % _EVERY:
                    say(f"{number} so far")
    return Verdict(points=len(points), attempts=attempts)
