"""One run: bring everything up, let people work, strike, come to rest, draw up the account."""

import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any

from soak.account import Account, draw_up
from soak.draining import compare_with_rebuilt, drain
from soak.facts import read_facts
from soak.faults import Planned, Strike, Striker, plan
from soak.ledger import Ledger
from soak.load import Load, Person
from soak.product import ProductFailed
from soak.staff import hire
from soak.waiting import WaitedInVain, wait_until
from soak.world import Profile, World, make_folder, remove_folder, running_world

_EMPLOYEES = 3
_LOCKED = "database is locked"
# The last delayed retry comes after 100 seconds.
DRAIN_LIMIT_S = 480.0
_LONGER_LIMIT_S = 600.0

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    seconds: float
    seed: int
    profile: Profile = Profile.EMBEDDED
    rate: float = 20.0  # requests a second
    # Requests. A machine that cannot keep the rate is given longer than ``seconds`` for them.
    at_least: int = 0
    folder: Path | None = None  # None: one among the temporary files, gone after a good run
    faults: bool = True
    demo_fault: bool = True  # every confirmation fails until it is replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    options: Options
    folder: Path
    account: Account
    strikes: Sequence[Strike]
    problems: Sequence[str]  # strikes that could not be made
    requests: int
    unavailable: int  # answers that asked to come back later
    unanswered: int
    locked: int  # "database is locked" in any log

    @property
    def is_good(self) -> bool:
        # A process that is paused may hold SQLite's only lock for longer than anybody waits.
        locked = self.locked and not self.strikes
        return self.account.is_good and not self.problems and not locked

    def as_json(self) -> str:
        kills = Counter(str(strike.fault) for strike in self.strikes)
        at_work = Counter(str(strike.fault) for strike in self.strikes if strike.held)
        shown: dict[str, Any] = {
            "good": self.is_good,
            "profile": str(self.options.profile),
            "seed": self.options.seed,
            "seconds": self.options.seconds,
            "rate": self.options.rate,
            "folder": str(self.folder),
            "requests": self.requests,
            "unavailable": self.unavailable,
            "unanswered": self.unanswered,
            "database_is_locked": self.locked,
            **self.account.as_json(),
            "faults": dict(sorted(kills.items())),
            "faults_at_work": dict(sorted(at_work.items())),
            "problems": list(self.problems),
            "strikes": [asdict(strike) for strike in self.strikes],
        }
        return json.dumps(shown, indent=2)


def run(options: Options, say: Say) -> Outcome:
    """Raises:
    ServerIsMissing, ProductFailed, FileExistsError
    WaitedInVain: for so many requests.
    """
    folder = make_folder(options.folder or Path(tempfile.mkdtemp(prefix="thicket-soak-")))
    planned = plan(options.seed, seconds=options.seconds, profile=options.profile)
    if not options.faults:
        planned = ()
    say(f"Seed {options.seed}, {options.profile}, {options.seconds:g} s at {options.rate:g}/s")
    for one in planned:
        say(f"  {one.at_s:>7.1f} s  {one.fault}")
    say(f"Bringing everything up in {folder}")
    settings = {"THICKET_DEMO_FAULT": str(options.demo_fault).lower()}
    with running_world(folder, options.profile, settings) as world:
        outcome = _run_in(world, options, planned, say)
    if outcome.is_good and options.folder is None:
        remove_folder(folder)
    return outcome


def _run_in(world: World, options: Options, planned: Sequence[Planned], say: Say) -> Outcome:
    ledger, stop = Ledger(), Event()
    port = world.product.port
    employees = [hire(port, number, world.gate.newest_to) for number in range(_EMPLOYEES)]
    load = Load(port, ledger, employees, seed=options.seed, rate=options.rate)
    unlucky = Person(
        99, port, ledger, employees[0], random.Random(f"{options.seed}-x"), every_s=1, stop=stop
    )
    striker = Striker(world, ledger, deadly=lambda: unlucky.report(deadly=True), stop=stop)
    say(f"Everything is up at {world.product.address}")
    load.start()
    try:
        striker.run(planned)
        stop.wait(striker.seconds_left(options.seconds))
        wait_until(
            lambda: sum(ledger.requests.values()) >= options.at_least,
            limit_s=_LONGER_LIMIT_S,
            what=f"{options.at_least} requests",
        )
    finally:
        say("The load ends")
        load.stop()
    world.gate.armed = False
    say("Waiting for everything to come to rest")
    drained = drain(world, striker.poison, limit_s=DRAIN_LIMIT_S, say=say)
    stuck = list(drained.stuck)
    if not stuck:
        try:
            stuck = compare_with_rebuilt(world)
        except (WaitedInVain, ProductFailed) as error:
            stuck = [str(error)]
    account = draw_up(ledger, read_facts(world.databases), striker.poison)
    account.stuck += stuck
    account.replayed = dict(drained.replayed)
    return Outcome(
        options=options,
        folder=world.folder,
        account=account,
        strikes=striker.strikes,
        problems=striker.problems,
        requests=sum(ledger.requests.values()),
        unavailable=ledger.statuses[503],
        unanswered=ledger.unanswered,
        locked=sum(log.read_text(errors="replace").count(_LOCKED) for log in world.logs()),
    )
