"""Everything that a run needs, brought up and taken down: servers, mail, product, employees."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Event, Thread

from soak.databases import Databases
from soak.gate import Gate, passed_on_to
from soak.ports import answers, free_ports
from soak.processes import send
from soak.product import ROOT, Product, own_environment, running_product
from soak.servers import PrivateServers
from soak.waiting import wait_until

_STOP_LIMIT_S = 60.0
_LOOK_EVERY_S = 0.1

# As many as the load wants; everything else is as it comes.
OPEN_LIMITS: Mapping[str, str] = {
    f"THICKET_LIMIT_{name}": "1000000 per minute"
    for name in ("REPORTS", "LINKS", "SIGN_INS", "MAILS")
}


class Profile(StrEnum):
    EMBEDDED = "embedded"
    POSTGRESQL_RABBITMQ = "postgresql-rabbitmq"


class Respawned:
    """A process of the product that we start ourselves, and start again whenever it ends."""

    def __init__(self, name: str, environment: Mapping[str, str], data: Path, log: Path) -> None:
        self.name = name
        self._environment = dict(environment) | {"THICKET_DATA": str(data)}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = Event()
        self._keeper = Thread(target=self._keep, name=f"keeper of {name}", daemon=True)

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        self._spawn()
        self._keeper.start()

    def stop(self) -> None:
        self._stop.set()
        self._keeper.join(10)
        process = self._process
        if process is None:
            return
        send(process.pid, signal.SIGCONT)
        process.terminate()
        try:
            process.wait(timeout=_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=_STOP_LIMIT_S)

    def _keep(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            if self.pid is None:
                self._spawn()

    def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.composition", self.name],
                env=self._environment | {"PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@dataclass(kw_only=True)
class World:
    profile: Profile
    folder: Path
    product: Product
    databases: Databases
    gate: Gate
    mail_catcher: Respawned
    broker_url: str
    servers: PrivateServers | None  # None: everything lies in files
    relays: list[Respawned] = field(default_factory=list)  # beside the product's own

    def logs(self) -> list[Path]:
        return sorted(self.folder.glob("*.log"))


@contextmanager
def running_world(
    folder: Path, profile: Profile, settings: Mapping[str, str] | None = None
) -> Iterator[World]:
    """``folder`` is kept; servers are private and gone at the end. On PostgreSQL and RabbitMQ two
    relays run at once."""
    data = folder / "data"
    settings = {
        "THICKET_FLOWER": "false",
        "THICKET_STOP_LIMIT": "30s",
        **OPEN_LIMITS,
        **(settings or {}),
    }
    with ExitStack() as stack:
        servers = None
        broker_url = f"sqlbroker+sqlite:///{data / 'broker.db'}"
        if profile is Profile.POSTGRESQL_RABBITMQ:
            servers = stack.enter_context(PrivateServers())
            settings["THICKET_DATABASE_URL"] = servers.postgres.make_database("thicket")
            settings["THICKET_BROKER_URL"] = broker_url = servers.rabbitmq.url
        catcher_port = free_ports(3) + 2
        # Filled in when the product runs: the gate kills whoever sends a deadly mail.
        victim: list[Product] = []
        gate = Gate(passed_on_to(catcher_port), kill_sender=lambda: _kill_worker(victim))
        gate.open()
        stack.callback(gate.shut)
        catching = {name: value for name, value in settings.items() if name != "THICKET_SMTP_URL"}
        settings["THICKET_SMTP_URL"] = gate.url
        product = stack.enter_context(running_product(data, settings, stop_limit_s=_STOP_LIMIT_S))
        victim.append(product)
        mail_catcher = Respawned(
            "mailcatcher",
            own_environment(catching) | {"THICKET_PORT": str(catcher_port - 2)},
            data,
            folder / "mailcatcher.log",
        )
        mail_catcher.start()
        stack.callback(mail_catcher.stop)
        wait_until(lambda: answers(catcher_port), limit_s=60, what="the mail catcher to serve")
        world = World(
            profile=profile,
            folder=folder,
            product=product,
            databases=_databases(data, settings),
            gate=gate,
            mail_catcher=mail_catcher,
            broker_url=broker_url,
            servers=servers,
        )
        if servers is not None:
            second = Respawned("relay", product.environment, data, folder / "second-relay.log")
            second.start()
            stack.callback(second.stop)
            world.relays.append(second)
        yield world
        # What was stopped in its tracks could not be asked to end.
        for pid in [product.pid_of(name) for name in ("web", "worker", "relay", "beat")]:
            if pid is not None:
                send(pid, signal.SIGCONT)


def _kill_worker(products: list[Product]) -> None:
    for product in products:
        pid = product.pid_of("worker")
        if pid is not None:
            send(pid, signal.SIGKILL)


def _databases(data: Path, settings: Mapping[str, str]) -> Databases:
    url = settings.get("THICKET_DATABASE_URL")
    if url is not None:
        return Databases(main=url, monitoring=url, broker=None)
    return Databases(
        main=f"sqlite:///{data / 'thicket.db'}",
        monitoring=f"sqlite:///{data / 'monitoring.db'}",
        broker=f"sqlite:///{data / 'broker.db'}",
    )


def make_folder(folder: Path) -> Path:
    """Empty and for its owner only."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
