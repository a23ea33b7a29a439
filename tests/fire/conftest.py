"""The product on private servers, and what is asked of it, for the tests of one module."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest

from soak.account import Account, draw_up
from soak.draining import compare_with_rebuilt, drain
from soak.facts import read_facts
from soak.faults import Striker
from soak.ledger import Ledger, ReportedIssue
from soak.load import Person
from soak.staff import Employee
from soak.world import Profile, World, running_world
from tests.support.servers import require_server_programs

NOBODY = Employee(employee_id="", email="nobody@example.com")
DRAIN_LIMIT_S = 400.0
HOLD_LIMIT_S = 60.0
_PACE_S = 0.5


@dataclass(kw_only=True)
class Fire:
    """A running product with what was asked of it and done to it."""

    world: World
    ledger: Ledger = field(default_factory=Ledger)
    stop: Event = field(default_factory=Event)
    striker: Striker = field(init=False)
    _numbers: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        self._numbers = count()
        unlucky = self.person()
        self.striker = Striker(
            self.world,
            self.ledger,
            deadly=lambda: unlucky.report(deadly=True),
            stop=self.stop,
            hold_limit_s=HOLD_LIMIT_S,
        )

    def person(self) -> Person:
        """Nobody is like another: their issues have other identifiers."""
        number = next(self._numbers)
        return Person(
            number,
            self.world.product.port,
            self.ledger,
            NOBODY,
            Random(number),
            every_s=1.0,
            stop=self.stop,
        )

    @contextmanager
    def reporting(self, issues: int, *, persons: int = 4) -> Iterator[None]:
        """At least so many issues are reported, by several persons at once, and more, slower, for
        as long as the block takes: it never goes on alone. All are answered at the end."""
        over = Event()
        each = -(-issues // persons)

        def report(person: Person) -> None:
            for number in count(1):
                person.report()
                if number >= each and over.wait(_PACE_S):
                    return

        threads = [
            Thread(target=report, args=(self.person(),), daemon=True) for _ in range(persons)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join(120)
            assert not any(thread.is_alive() for thread in threads)

    def report(self) -> ReportedIssue:
        return self.person().report()

    def come_to_rest(self) -> Account:
        self.world.gate.armed = False
        drained = drain(self.world, self.striker.poison, limit_s=DRAIN_LIMIT_S, say=lambda _: None)
        account = draw_up(self.ledger, read_facts(self.world.databases), self.striker.poison)
        account.stuck += drained.stuck or compare_with_rebuilt(self.world)
        account.replayed = dict(drained.replayed)
        self.world.gate.armed = True
        return account


@contextmanager
def fire_on(
    profile: Profile, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Fire]:
    with running_world(folder, profile, settings) as world:
        fire = Fire(world=world)
        try:
            yield fire
        finally:
            fire.stop.set()


@pytest.fixture(scope="module")
def on_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fire]:
    """On a PostgreSQL and a RabbitMQ that belong to this module, with two relays."""
    require_server_programs()
    folder = tmp_path_factory.mktemp("fire")
    with fire_on(Profile.POSTGRESQL_RABBITMQ, folder, {"THICKET_DEMO_FAULT": "false"}) as fire:
        yield fire
