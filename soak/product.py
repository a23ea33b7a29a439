"""The whole product, started by its own command and stopped again."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from soak.ports import free_ports
from soak.processes import children_of, members_of, running_processes
from soak.waiting import WaitedInVain, wait_until

ROOT = Path(__file__).resolve().parents[1]
_START_LIMIT_S = 240.0
_STOP_LIMIT_S = 60.0
OPERATOR = "operator@thicket.example"
OPERATOR_PASSWORD = "a password for tests only"


class ProductFailed(Exception):
    """It did not start, or left something behind; the message has what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    address: str
    port: int
    data: Path
    log: Path
    process: "subprocess.Popen[bytes]"
    environment: Mapping[str, str]

    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def pid_of(self, name: str) -> int | None:
        """Of one of the processes that ``up`` supervises; None: it is being started anew."""
        for child in children_of(self.process.pid):
            if child.arguments[-1:] == (name,):
                return child.pid
        return None

    def web_workers(self) -> list[int]:
        """Those that serve the pages; their master is ``pid_of("web")``."""
        master = self.pid_of("web")
        return [] if master is None else [child.pid for child in children_of(master)]

    def command(self, *arguments: str, limit_s: float = 120.0) -> str:
        """Run another ``./thicket`` command on the same data; what it printed.

        Raises:
            ProductFailed: it ended with another status than 0.
        """
        done = subprocess.run(
            [str(ROOT / "thicket"), *arguments, "--data", str(self.data)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=limit_s,
            check=False,
        )
        if done.returncode != 0:
            raise ProductFailed(f"./thicket {' '.join(arguments)}: {done.stdout}")
        return done.stdout


def free_port() -> int:
    """The first of three in a row that nobody listens on."""
    return free_ports(3)


@contextmanager
def running_product(
    data: Path, settings: Mapping[str, str] | None = None, *, stop_limit_s: float = _STOP_LIMIT_S
) -> Iterator[Product]:
    """``./thicket up`` on a port of its own until everything is up; at the end it is asked to stop,
    as by Ctrl-C, and must leave no process behind."""
    port = free_port()
    log = data.with_suffix(".log")
    environment = own_environment(settings or {})
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(ROOT / "thicket"), "up", "--port", str(port), "--data", str(data)],
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    product = Product(
        address=f"http://127.0.0.1:{port}",
        port=port,
        data=data,
        log=log,
        process=process,
        environment=environment,
    )
    try:
        wait_until(
            lambda: process.poll() is not None or "Thicket is up" in product.printed(),
            limit_s=_START_LIMIT_S,
            every_s=0.2,
            what="the product to be up",
        )
        if process.poll() is not None:
            raise ProductFailed(product.printed())
        yield product
    finally:
        _stop(product, stop_limit_s)


def own_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's, with no settings but these."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("THICKET_") or name in ("THICKET_VENV", "THICKET_PYTHON")
    }
    return inherited | {
        "THICKET_OPERATOR_EMAIL": OPERATOR,
        "THICKET_OPERATOR_PASSWORD": OPERATOR_PASSWORD,
        **settings,
    }


def _stop(product: Product, limit_s: float) -> None:
    process = product.process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=limit_s)
        wait_until(lambda: not members_of(process.pid), limit_s=10, what="every process to be gone")
    except (subprocess.TimeoutExpired, WaitedInVain) as error:
        left = [
            " ".join(found.arguments)
            for found in running_processes()
            if found.session == process.pid
        ]
        raise ProductFailed(
            f"still there {limit_s:g} s after it was asked to stop: {'; '.join(left)}"
        ) from error
    finally:
        if members_of(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
