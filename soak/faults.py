"""What is done to a running product: kills, pauses, restarts, poison, by a plan that a seed makes.

A victim is stopped in its tracks first and looked at from outside: does it hold work? If not, it
goes on and is stopped again a moment later. So most kills happen in the midst of something, and the
journal says which.
"""

import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Event

from soak import poison
from soak.console import replay_patiently
from soak.databases import DatabaseIsAway
from soak.ledger import Ledger
from soak.poison import Poison
from soak.processes import send
from soak.staff import CannotPrepare
from soak.visitor import NoAnswer
from soak.waiting import WaitedInVain, wait_until
from soak.world import Profile, World

_HOLD_LIMIT_S = 8.0
_BACK_LIMIT_S = 90.0
_LOOK_EVERY_S = 0.01
# Whoever is not stopped has ended by then what it had begun.
_MOMENT_S = 0.3
_DEADLY_LIMIT_S = 120.0
_REPLAY_AFTER_S = 30.0
# Longer than the leases of relay and embedded broker, which are 30 s.
PAUSE_S = 35.0
MAIL_AWAY_S = 20.0


class Fault(StrEnum):
    KILL_WEB = "kill a web process"
    KILL_WEB_MASTER = "kill the web server's master"
    KILL_WORKER = "kill the worker"
    KILL_RELAY = "kill a relay"
    KILL_BEAT = "kill beat"
    KILL_MAIL_CATCHER = "kill the mail catcher"
    PAUSE_WORKER = "pause the worker"
    PAUSE_RELAY = "pause a relay"
    PAUSE_WEB = "pause a web process"
    CRASH_DATABASE = "crash the database"
    RESTART_DATABASE = "restart the database"
    CRASH_BROKER = "crash the broker"
    RESTART_BROKER = "restart the broker"
    MAIL_AWAY = "take the mail server away"
    POISON = "send poison"
    DEADLY_MESSAGE = "send a message that kills its worker"
    REPLAY_KILLED = "replay all and kill"


_NEEDS_SERVERS = {
    Fault.CRASH_DATABASE,
    Fault.RESTART_DATABASE,
    Fault.CRASH_BROKER,
    Fault.RESTART_BROKER,
}
# About how long it takes until the next can be done.
_LASTS_S = {
    Fault.PAUSE_WORKER: PAUSE_S,
    Fault.PAUSE_RELAY: PAUSE_S,
    Fault.PAUSE_WEB: PAUSE_S,
    Fault.MAIL_AWAY: MAIL_AWAY_S,
    Fault.CRASH_BROKER: 15.0,
    Fault.RESTART_BROKER: 15.0,
    Fault.DEADLY_MESSAGE: 10.0,
}
# Killed more often than the rest: dealt twice in each round.
_TWICE = (Fault.KILL_WEB, Fault.KILL_WORKER, Fault.KILL_RELAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    at_s: float  # since the load began
    fault: Fault


def plan(seed: int, *, seconds: float, profile: Profile) -> Sequence[Planned]:
    """The same for the same arguments. Every fault once before any comes again."""
    chance = random.Random(f"{seed}-{profile}")
    deck: list[Fault] = []
    planned: list[Planned] = []
    at = 3.0 + chance.random() * 4
    while at < seconds - 5:
        if not deck:
            deck = [*Fault, *_TWICE]
            if profile is Profile.EMBEDDED:
                deck = [fault for fault in deck if fault not in _NEEDS_SERVERS]
            chance.shuffle(deck)
        fault = deck.pop()
        planned.append(Planned(at_s=round(at, 1), fault=fault))
        at += chance.uniform(3.0, 10.0) + _LASTS_S.get(fault, 0.0)
    return planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """What happened. ``held`` is how much work the victim had in hand; None: it claims none.
    ``outstanding`` is how many issues were under way just before, wherever they were; None: that
    was not asked, because nobody was struck."""

    at_s: float
    fault: Fault
    what: str
    held: int | None = None
    outstanding: int | None = None


class Striker:
    """Does it. Not for several threads."""

    def __init__(
        self,
        world: World,
        ledger: Ledger,
        *,
        deadly: Callable[[], object],
        stop: Event,
        hold_limit_s: float = _HOLD_LIMIT_S,
    ) -> None:
        """``deadly`` sends a report whose confirmation kills the worker. ``hold_limit_s`` is how
        long a victim is given to come by some work."""
        self._world = world
        self._ledger = ledger
        self._deadly = deadly
        self._stop = stop
        self._hold_limit_s = hold_limit_s
        self._begun = time.monotonic()
        self.strikes: list[Strike] = []
        self.poison: list[Poison] = []
        self.problems: list[str] = []
        self._does: Mapping[Fault, Callable[[], None]] = {
            Fault.KILL_WEB: lambda: self.kill(Fault.KILL_WEB, self._web, self._requests_that_stay),
            Fault.KILL_WEB_MASTER: lambda: self.kill(
                Fault.KILL_WEB_MASTER, self._named("web"), self._requests
            ),
            Fault.KILL_WORKER: self.kill_worker,
            Fault.KILL_RELAY: lambda: self.kill(
                Fault.KILL_RELAY, self._some_relay(), self._claims_that_stay
            ),
            Fault.KILL_BEAT: lambda: self.kill(Fault.KILL_BEAT, self._named("beat"), None),
            Fault.KILL_MAIL_CATCHER: lambda: self.kill(
                Fault.KILL_MAIL_CATCHER,
                lambda: self._world.mail_catcher.pid,
                lambda: self._world.gate.in_flight,
            ),
            Fault.PAUSE_WORKER: lambda: self.pause(
                Fault.PAUSE_WORKER, self._named("worker"), self.messages_held
            ),
            Fault.PAUSE_RELAY: lambda: self.pause(
                Fault.PAUSE_RELAY, self._some_relay(), self._claims_that_stay
            ),
            Fault.PAUSE_WEB: lambda: self.pause(
                Fault.PAUSE_WEB, self._web, self._requests_that_stay
            ),
            Fault.CRASH_DATABASE: lambda: self.restart(Fault.CRASH_DATABASE),
            Fault.RESTART_DATABASE: lambda: self.restart(Fault.RESTART_DATABASE),
            Fault.CRASH_BROKER: lambda: self.restart(Fault.CRASH_BROKER),
            Fault.RESTART_BROKER: lambda: self.restart(Fault.RESTART_BROKER),
            Fault.MAIL_AWAY: self._mail_away,
            Fault.POISON: self._send_poison,
            Fault.DEADLY_MESSAGE: self._send_deadly,
            Fault.REPLAY_KILLED: self._replay_and_kill,
        }

    def run(self, planned: Sequence[Planned]) -> None:
        """Those whose time comes while another is still being done follow at once."""
        for one in planned:
            if self._stop.wait(max(0.0, self._begun + one.at_s - time.monotonic())):
                return
            self.do(one.fault)

    def do(self, fault: Fault) -> None:
        try:
            self._does[fault]()
        except (WaitedInVain, DatabaseIsAway, NoAnswer, CannotPrepare, OSError) as error:
            self.problems.append(f"{fault}: {error}")

    # -- victims and what they hold --------------------------------------------------------------

    def _named(self, name: str) -> Callable[[], int | None]:
        return lambda: self._world.product.pid_of(name)

    def _web(self) -> int | None:
        return next(iter(self._world.product.web_workers()), None)

    def _some_relay(self) -> Callable[[], int | None]:
        """In turns, where there are several."""
        relays = [self._named("relay"), *[lambda one=one: one.pid for one in self._world.relays]]
        struck = (Fault.KILL_RELAY, Fault.PAUSE_RELAY)
        before = sum(strike.fault in struck for strike in self.strikes)
        return relays[before % len(relays)]

    def _requests(self) -> int:
        return len(self._ledger.in_flight)

    def _requests_that_stay(self) -> int:
        """Without an answer now and a moment later: the other web processes answer theirs."""
        first = self._ledger.in_flight
        if not first:
            return 0
        time.sleep(_MOMENT_S)
        return len(first & self._ledger.in_flight)

    def messages_held(self) -> int:
        """That the broker has given out and that are not acknowledged."""
        world = self._world
        if world.servers is not None:
            return sum(held for _, held in world.servers.rabbitmq.counts().values())
        return world.databases.broker_number(
            "SELECT count(*) FROM broker_message WHERE token IS NOT NULL "
            "AND visible_at_ms > CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
        )

    def _claims_that_stay(self) -> int:
        """Rows of the message table that the same relay holds now and a moment later: another one,
        which is not stopped, would have settled them."""
        first = self._claims()
        if not first:
            return 0
        time.sleep(_MOMENT_S)
        return len(first & self._claims())

    def _claims(self) -> set[tuple[object, ...]]:
        databases = self._world.databases
        return set(
            databases.rows(
                "SELECT id, claim_token, CAST(claimed_until AS TEXT) FROM runtime_message "
                f"WHERE claim_token IS NOT NULL AND claimed_until > {databases.now}"
            )
        )

    def _outstanding(self) -> int:
        """Issues that somebody has begun to report and whose way is not at its end. Waited for,
        because a quiet moment would prove nothing; 0: in vain."""
        deadline = time.monotonic() + self._hold_limit_s
        while True:
            begun = len(self._ledger.issues)
            ended = self._world.databases.number(
                "SELECT count(*) FROM customer_service_issue AS issue "
                "JOIN backoffice_ticket_list AS ticket ON ticket.ticket_id = issue.ticket_id "
                "WHERE issue.confirmation = 'sent'"
            )
            if begun > ended or time.monotonic() >= deadline:
                return max(0, begun - ended)
            time.sleep(_LOOK_EVERY_S)

    # -- what is done ----------------------------------------------------------------------------

    def kill_worker(self) -> None:
        self.kill(Fault.KILL_WORKER, self._named("worker"), self.messages_held)

    def kill(
        self, fault: Fault, victim: Callable[[], int | None], held: Callable[[], int] | None
    ) -> None:
        pid, work, outstanding = self._stopped_at_work(victim, held)
        send(pid, signal.SIGKILL)
        self._note(fault, f"pid {pid}", work, outstanding)

    def pause(
        self, fault: Fault, victim: Callable[[], int | None], held: Callable[[], int]
    ) -> None:
        pid, work, outstanding = self._stopped_at_work(victim, held)
        try:
            self._stop.wait(PAUSE_S)
        finally:
            send(pid, signal.SIGCONT)
        self._note(fault, f"pid {pid} for {PAUSE_S:g} s", work, outstanding)

    def _stopped_at_work(
        self, victim: Callable[[], int | None], held: Callable[[], int] | None
    ) -> tuple[int, int | None, int]:
        """Stopped where it holds work, or where it was after some seconds of trying in vain: the
        victim, what it holds, and how many issues are outstanding."""
        deadline = time.monotonic() + self._hold_limit_s
        while True:
            pid = self._living(victim)
            if not send(pid, signal.SIGSTOP):
                continue  # something else was quicker
            try:
                work = None if held is None else held()
                if work != 0 or time.monotonic() >= deadline:
                    return pid, work, self._outstanding()
            except BaseException:
                send(pid, signal.SIGCONT)
                raise
            send(pid, signal.SIGCONT)
            time.sleep(_LOOK_EVERY_S)

    def _living(self, victim: Callable[[], int | None]) -> int:
        found: list[int] = []

        def lives() -> bool:
            found[:] = [pid for pid in [victim()] if pid is not None]
            return bool(found)

        wait_until(lives, limit_s=_BACK_LIMIT_S, what="the victim to live")
        return found[0]

    def restart(self, fault: Fault) -> None:
        servers = self._world.servers
        assert servers is not None
        is_database = fault in (Fault.CRASH_DATABASE, Fault.RESTART_DATABASE)
        server = servers.postgres if is_database else servers.rabbitmq
        outstanding = self._outstanding()
        if fault in (Fault.CRASH_DATABASE, Fault.CRASH_BROKER):
            server.kill()
        else:
            server.stop()
        server.start()
        self._note(fault, server.name, outstanding=outstanding)

    def _mail_away(self) -> None:
        self._world.gate.shut()
        try:
            self._stop.wait(MAIL_AWAY_S)
        finally:
            self._world.gate.open()
        self._note(Fault.MAIL_AWAY, f"for {MAIL_AWAY_S:g} s")

    def _send_poison(self) -> None:
        for kind in poison.ALL:
            made = kind(f"{len(self.poison)}")
            poison.put_on_broker(self._world.broker_url, made)
            self.poison.append(made)
            self._note(Fault.POISON, made.kind)

    def _send_deadly(self) -> None:
        """Where confirmations fail until they are replayed, the mail leaves with a replay."""
        gate = self._world.gate
        before, replayed_at = gate.killed, time.monotonic()
        self._deadly()

        def has_killed() -> bool:
            nonlocal replayed_at
            if gate.killed == before and time.monotonic() - replayed_at > _REPLAY_AFTER_S:
                self._replay_all()
                replayed_at = time.monotonic()
            return gate.killed > before or self._stop.is_set()

        try:
            wait_until(has_killed, limit_s=_DEADLY_LIMIT_S, what="its mail")
        except WaitedInVain:
            # So much waits before it that its turn has not come: it will be deadly later.
            self._note(Fault.DEADLY_MESSAGE, "its turn has not come", 0)
            return
        self._note(Fault.DEADLY_MESSAGE, "by its mail", gate.killed - before)

    def _replay_and_kill(self) -> None:
        chosen = self._replay_all()
        if not chosen:
            self._note(Fault.REPLAY_KILLED, "there was nothing to replay")
            return
        self._note(Fault.REPLAY_KILLED, f"{chosen} failed messages")
        self.kill_worker()

    def _replay_all(self) -> int:
        return replay_patiently(self._world.product.port)

    def _note(
        self, fault: Fault, what: str, held: int | None = None, outstanding: int | None = None
    ) -> None:
        self.strikes.append(
            Strike(
                at_s=round(time.monotonic() - self._begun, 1),
                fault=fault,
                what=what,
                held=held,
                outstanding=outstanding,
            )
        )

    def seconds_left(self, seconds: float) -> float:
        return max(0.0, self._begun + seconds - time.monotonic())
