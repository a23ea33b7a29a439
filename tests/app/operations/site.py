"""The console over two small contexts that share one SQLite database, and a browser for it."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from adapters.memory.accounts import MemoryAccounts, MemorySessions
from adapters.memory.channel import MemoryChannel
from adapters.memory.telemetry import NoTracer, RecordingMetrics
from adapters.memory.time import SequentialIdentifiers, VirtualClock
from adapters.passwords.argon2_passwords import Argon2Cost, Argon2Passwords
from adapters.serialization.msgspec_serialization import MsgspecSerialization
from adapters.sql.audit import SqlAuditLog
from adapters.sql.caught_mails import SqlCaughtMails
from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.migrating import migrate
from adapters.sql.operations import SqlOperations
from adapters.sql.progress import SqlHeartbeats, SqlJobs
from adapters.sql.store import SqlStore
from adapters.sql.traces import SqlTraces
from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from adapters.sql.wakeups import SqlWakeUps
from app.identity.access import Rule, verify_every_route_has_a_rule
from app.identity.blueprint import IdentityServices, set_up_identity, signed_in_user
from app.identity.rate_limits import RateLimiting
from app.identity.sessions import SessionCookie
from app.mailbox.blueprint import mailbox_blueprint
from app.messaging.bulk import BulkDesk
from app.messaging.runtime import Declared, Runtime, Surroundings
from app.operations.blueprint import operations_blueprint
from app.operations.console import Console, FlowerLink
from app.web.navigation import Frame
from app.web.site import set_up_site
from ports.inbound.delivery import RetryPolicy, asynchronous, outside
from ports.inbound.handlers import event_handler
from ports.inbound.projections import projection, resets
from ports.outbound.accounts import Role
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from ports.outbound.operations import FailedMessageSearch
from ports.outbound.sessions import SessionLifetimes
from tests.app.identity.site import EMPLOYEE, OPERATOR, UNLIMITED, AskedResets, Browser, home_of
from tests.messaging.parcels import Parcel, ParcelWasLost, ParcelWasSent, SendParcel

PASSWORD = "a good long password"
CONTEXTS = ("post", "customs")


class MailServerIsDown(Exception):
    pass


class Mailroom:
    """Its mail server is down until a test mends it."""

    def __init__(self) -> None:
        self.down = True
        self.mailed: list[str] = []

    @event_handler(endpoint="mailroom.receipt")
    @asynchronous("mails")
    @outside()
    def mail_receipt(self, event: ParcelWasSent) -> None:
        if self.down:
            raise MailServerIsDown(f"no answer for parcel {event.weight}: <b>refused</b>")
        self.mailed.append(event.parcel_id)


@projection("parcels", streams=("parcel",), channel="lists")
class ParcelList:
    def __init__(self) -> None:
        self.broken = False
        self.parcels: list[str] = []

    @event_handler()
    def sent(self, event: ParcelWasSent) -> None:
        if self.broken:
            raise MailServerIsDown("the list is broken")
        self.parcels.append(event.parcel_id)

    @event_handler()
    def lost(self, event: ParcelWasLost) -> None:
        self.parcels.remove(event.parcel_id)

    @resets
    def empty(self) -> None:
        self.parcels.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    runtime: Runtime
    store: SqlStore
    mailroom: Mailroom
    parcels: ParcelList
    network: Mapping[str, MemoryChannel]

    def send(self, parcel_id: str, weight: int = 3) -> None:
        self.runtime.commands.send(SendParcel(parcel_id=parcel_id, weight=weight))

    def work_off(self) -> int:
        """Everything that is due, until nothing is; how many deliveries were handled."""
        relay, handled = self.runtime.relay(), 0
        while True:
            relay.pump()
            self.runtime.projections.wake(self.network)
            found = [one for channel in self.network.values() if (one := channel.receive())]
            if not found:
                return handled
            for delivery in found:
                self.runtime.receive(delivery)
            handled += len(found)


class ConsoleSite:
    """Time stands still unless ``clock`` is moved; it begins at the present, as the database's
    clock does not stand still. ``kind`` is that of the channel ``mails``."""

    def __init__(
        self,
        url: str,
        *,
        demo_fault: bool = False,
        kind: ChannelKind = ChannelKind.IN_MEMORY,
    ) -> None:
        self.clock = VirtualClock(datetime.now(UTC))
        self.identifiers = SequentialIdentifiers(7)
        self.contexts = {name: self._context(url, name, kind) for name in CONTEXTS}
        self.post, self.customs = self.contexts["post"], self.contexts["customs"]
        database = DeploymentDatabase(
            self.post.store.engine, stores=[one.store for one in self.contexts.values()]
        )
        self.jobs = SqlJobs(database)
        self.heartbeats = SqlHeartbeats(database)
        self.audit_log = SqlAuditLog(database)
        self.traces = SqlTraces(database)
        self.mails = SqlCaughtMails(database)
        self.views = {name: SqlOperations(one.store) for name, one in self.contexts.items()}
        self.console = Console(
            runtimes={name: one.runtime for name, one in self.contexts.items()},
            views=self.views,
            bulk={
                name: BulkDesk(one.runtime, view=self.views[name], jobs=self.jobs)
                for name, one in self.contexts.items()
            },
            jobs=self.jobs,
            heartbeats=self.heartbeats,
            traces=self.traces,
            audit_log=self.audit_log,
            identifiers=self.identifiers,
            now=self.clock.now,
            demo_fault=demo_fault,
            flower=FlowerLink(url="http://127.0.0.1:5555", hint="Sign in there as operator."),
        )
        self.app = self._app(demo_fault)

    def _context(self, url: str, name: str, kind: ChannelKind) -> Context:
        store, mailroom, parcels = SqlStore(url, name), Mailroom(), ParcelList()
        channels = [
            ChannelDeclaration(
                name=channel,
                kind=kind if channel == "mails" else ChannelKind.IN_MEMORY,
                retry=RetryPolicy(instant=0, delayed=0),
            )
            for channel in ("mails", "lists")
        ]
        network = {
            full_name: MemoryChannel(full_name)
            for one in channels
            if one.kind is ChannelKind.IN_MEMORY
            for full_name in [f"{name}.{one.name}"]
        }
        runtime = Runtime(
            name,
            Surroundings(
                store=store,
                waiting=SqlWaitingDeliveries(store),
                wake_ups=SqlWakeUps(url, name),
                serialization=MsgspecSerialization(),
                clock=self.clock,
                identifiers=SequentialIdentifiers(CONTEXTS.index(name)),
                tracer=NoTracer(),
                metrics=RecordingMetrics(),
            ),
            Declared(
                aggregates=[Parcel],
                handlers=[mailroom, parcels],
                channels=channels,
                senders=network,
            ),
        )
        return Context(
            runtime=runtime, store=store, mailroom=mailroom, parcels=parcels, network=network
        )

    def _app(self, demo_fault: bool) -> Flask:
        accounts = MemoryAccounts(self.clock)
        lifetimes = SessionLifetimes()
        passwords = Argon2Passwords(cost=Argon2Cost(passes=1, memory_kib=8, lanes=1))
        app = Flask("console under test", static_folder=None)
        app.config.update(SECRET_KEY="for tests only", TESTING=True)
        set_up_site(
            app,
            frame=lambda: Frame(
                user=signed_in_user(),
                failed_messages=lambda: self.console.count_failed(FailedMessageSearch()),
            ),
            now=self.clock.now,
        )
        set_up_identity(
            app,
            IdentityServices(
                accounts=accounts,
                sessions=MemorySessions(accounts, self.clock, lifetimes),
                lifetimes=lifetimes,
                passwords=passwords,
                resets=AskedResets(),
                audit_log=self.audit_log,
                now=self.clock.now,
            ),
            rate_limiting=RateLimiting(UNLIMITED, now=self.clock.now),
            cookie=SessionCookie(secure=False),
            home_of=home_of,
            declared_rules={"static_files.static_file": Rule.PUBLIC},
        )
        app.register_blueprint(operations_blueprint(self.console))
        app.register_blueprint(
            mailbox_blueprint(
                mails=self.mails,
                audit_log=self.audit_log,
                now=self.clock.now,
                demo_fault=demo_fault,
            )
        )
        verify_every_route_has_a_rule(app)
        open_accounts(accounts, passwords)
        return app

    def browser(self, email: str = OPERATOR) -> Browser:
        """Signed in."""
        browser = Browser(self.app.test_client(), secure=False)
        browser.sign_in(email, PASSWORD)
        return browser

    def let_fail(self, count: int = 1, *, context: str = "post") -> Sequence[str]:
        """Ids of that many failed messages, oldest first, each a second after the one before."""
        here = self.contexts[context]
        before = set(self.ids(context))
        for number in range(count):
            self.clock.advance(timedelta(seconds=1))
            here.send(f"{context}-{self.identifiers.new()}", weight=number % 30 + 1)
            here.work_off()
        self.clock.advance(timedelta(seconds=1))
        places = self.views[context].places(FailedMessageSearch(), limit=100_000, oldest_first=True)
        return [own_id for _, own_id in places if own_id not in before]

    def ids(self, context: str = "post", *, deleted: bool = False) -> list[str]:
        search = FailedMessageSearch(deleted=deleted)
        return [own_id for _, own_id in self.views[context].places(search, limit=100_000)]

    def mend(self) -> None:
        for one in self.contexts.values():
            one.mailroom.down = False

    def park_unreadable(self) -> str:
        self.post.runtime.consumer.reject("post.mails", b"\xff not json", ValueError("no JSON"))
        self.clock.advance(timedelta(seconds=1))
        return next(row.id for row in self.views["post"].rows(self.ids()) if not row.readable)

    def actions(self) -> list[tuple[str, str, str]]:
        """Who did what and why, oldest first."""
        entries = [*self.audit_log.newest(limit=200)][::-1]
        return [(entry.actor.name, entry.action, entry.reason) for entry in entries]

    def close(self) -> None:
        for one in self.contexts.values():
            one.store.close()


def open_accounts(accounts: MemoryAccounts, passwords: Argon2Passwords) -> None:
    hashed = passwords.hash(PASSWORD)
    for number, (email, name, role) in enumerate(
        ((OPERATOR, "Olga", Role.OPERATOR), (EMPLOYEE, "Emil", Role.EMPLOYEE))
    ):
        accounts.open(
            f"account-{number}", email=email, display_name=name, role=role, password_hash=hashed
        )


def prepared_database(folder: Path) -> Path:
    """A migrated and empty file, to be copied for each test."""
    path = folder / "prepared.db"
    for branch in ("runtime", "monitoring"):
        migrate(branch, f"sqlite:///{path}")
    return path


@contextmanager
def opened_site(
    prepared: Path,
    folder: Path,
    *,
    demo_fault: bool = False,
    kind: ChannelKind = ChannelKind.IN_MEMORY,
) -> Iterator[ConsoleSite]:
    path = folder / "thicket.db"
    shutil.copy(prepared, path)
    site = ConsoleSite(f"sqlite:///{path}", demo_fault=demo_fault, kind=kind)
    try:
        yield site
    finally:
        site.close()
