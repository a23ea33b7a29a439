"""A PostgreSQL and a RabbitMQ of our own, to be killed and started again at will.

They live in one temporary folder with ports, names and passwords of their own, and die with it: the
servers of the machine are never touched. As root they run as the user that PostgreSQL demands.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import amqp
import psycopg

from soak.ports import answers, free_ports
from soak.waiting import wait_until

_START_LIMIT_S = 90.0
_STOP_LIMIT_S = 30.0
_RABBITMQ_PROGRAMS = (Path("/usr/lib/rabbitmq/bin"), Path("/usr/local/sbin"))


class ServerIsMissing(Exception):
    """A program that is needed is not installed; the message says which package has it."""


class Server:
    """``kill`` is a crash, ``stop`` an orderly end; ``start`` goes on with what was kept."""

    name = ""
    port = 0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "output.log").open("ab") as log:
            self._process = self._launch(log)
        wait_until(self._serves, limit_s=_START_LIMIT_S, what=f"the private {self.name} to serve")

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(timeout=_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=_STOP_LIMIT_S)
        self._process = None

    def _launch(self, log: Any) -> "subprocess.Popen[bytes]":
        raise NotImplementedError

    def _serves(self) -> bool:
        raise NotImplementedError


class PrivatePostgres(Server):
    """Trusts whoever reaches its loopback port. What is accepted is on disk, unless it is said not
    to be ``durable``, for runs in which it never crashes."""

    name = "PostgreSQL"

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        super().__init__(folder)
        self.port = free_ports()
        self._durable = durable
        self._programs = _postgres_programs()
        self._data = folder / "data"
        folder.mkdir()
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            # It refuses to run as root.
            self._as = {"user": "postgres", "group": "postgres", "extra_groups": ()}
            shutil.chown(folder, "postgres", "postgres")
        _run(
            [
                *(str(self._programs / "initdb"), "-D", str(self._data), "-U", "postgres"),
                *("--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"),
            ],
            cwd=folder,
            **self._as,
        )

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def make_database(self, name: str) -> str:
        """Its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(_identifier(name)))
        return self.url(name)

    def kill(self) -> None:
        # At once and without a word to clients, as by a crash; its own children end with it, which
        # a killed postmaster's would not.
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        self._end(signal.SIGINT)

    def _launch(self, log: Any) -> "subprocess.Popen[bytes]":
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "max_connections": 200,
            "fsync": "on" if self._durable else "off",
        }
        chosen = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return subprocess.Popen(
            [str(self._programs / "postgres"), "-D", str(self._data), *chosen],
            cwd=self.folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **self._as,
        )

    def _serves(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class PrivateRabbitMq(Server):
    """With a node name, a distribution port and an epmd of its own: no clash with another node."""

    name = "RabbitMQ"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port, self._distribution, self._epmd_port = free_ports(), free_ports(), free_ports()
        self._node = f"thicket-soak-{self.port}@localhost"
        self._programs = _rabbitmq_programs()
        self._epmd: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        (folder / "plugins").write_text("[].\n")
        # Its count of what consumers hold would otherwise be up to 5 s old.
        (folder / "advanced.config").write_text("[{rabbit, [{quorum_tick_interval, 500}]}].\n")
        (folder / "rabbitmq.conf").write_text(
            "raft.wal_max_size_bytes = 67108864\ndisk_free_limit.absolute = 50MB\n"
        )

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        if self._epmd is None:
            program = shutil.which("epmd")
            if program is None:
                raise ServerIsMissing("epmd is missing; install rabbitmq-server")
            self._epmd = subprocess.Popen(
                [program],
                env=self._environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            wait_until(lambda: answers(self._epmd_port), limit_s=10, what="epmd to serve")
        super().start()

    def close(self) -> None:
        self.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait(timeout=_STOP_LIMIT_S)
            self._epmd = None

    def counts(self) -> Mapping[str, tuple[int, int]]:
        """Of every queue, what is ready and what is held by consumers. Takes a second or two. A
        queue that cannot be asked just now may hold something and is counted so."""
        output = _run(
            [
                *(str(self._programs / "rabbitmqctl"), "--quiet", "--node", self._node),
                *("list_queues", "name", "messages_ready", "messages_unacknowledged"),
            ],
            cwd=self.folder,
            env=self._environment(),
        )
        rows = [line.split("\t") for line in output.splitlines() if line.count("\t") == 2]
        return {
            name: (int(ready), int(held)) if (ready + held).isdigit() else (1, 0)
            for name, ready, held in rows
            if name != "name"
        }

    def _launch(self, log: Any) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [str(self._programs / "rabbitmq-server")],
            cwd=self.folder,
            env=self._environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _end(self, number: int) -> None:
        # The shell script in front passes no signals on.
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
        super()._end(number)
        wait_until(
            lambda: not answers(self._distribution),
            limit_s=_STOP_LIMIT_S,
            what="the private RabbitMQ to be gone",
        )

    def _serves(self) -> bool:
        try:
            with amqp.Connection(
                host=f"127.0.0.1:{self.port}", userid="guest", password="guest", connect_timeout=2
            ) as connection:
                connection.channel().close()
        except (OSError, amqp.AMQPError):
            return False
        return True

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self._programs}:{os.environ.get('PATH', '')}",
            "HOME": str(self.folder),  # where Erlang keeps the cookie of its nodes
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "no-environment-file"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
        }


class PrivateServers:
    """Both, in a folder that is gone at the end."""

    def __init__(self, *, durable: bool = True) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="thicket-servers-"))
        self._folder.chmod(0o711)  # the user of PostgreSQL must get through
        self.postgres = PrivatePostgres(self._folder / "postgresql", durable=durable)
        self.rabbitmq = PrivateRabbitMq(self._folder / "rabbitmq")

    def __enter__(self) -> "PrivateServers":
        try:
            self.postgres.start()
            self.rabbitmq.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.rabbitmq.close()
        self.postgres.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def require_programs() -> None:
    """Raises:
    ServerIsMissing
    """
    _postgres_programs()
    _rabbitmq_programs()


def _identifier(name: str) -> Any:
    return psycopg.sql.Identifier(name)


def _postgres_programs() -> Path:
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4])
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise ServerIsMissing("PostgreSQL's initdb is missing; install postgresql")
    return Path(on_path).parent


def _rabbitmq_programs() -> Path:
    """Not those on the path: as root they change to a user that cannot write to our folder."""
    for folder in _RABBITMQ_PROGRAMS:
        if (folder / "rabbitmq-server").exists():
            return folder
    on_path = shutil.which("rabbitmq-server")
    if on_path is None:
        raise ServerIsMissing("RabbitMQ is missing; install rabbitmq-server")
    return Path(on_path).parent


def _run(command: Sequence[str], **options: Any) -> str:
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
        **options,
    )
    if done.returncode != 0:
        raise ServerIsMissing(f"{command[0]} failed with {done.returncode}: {done.stdout[-2000:]}")
    return str(done.stdout)
