"""The whole product, started by its own command and stopped again."""

import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
_START_LIMIT_S = 120.0
_STOP_LIMIT_S = 60.0
OPERATOR = "operator@thicket.example"
OPERATOR_PASSWORD = "a password for tests only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    address: str
    port: int
    data: Path
    log: Path
    process: "subprocess.Popen[bytes]"

    def printed(self) -> str:
        return self.log.read_text(errors="replace")


def free_port() -> int:
    """The first of three in a row that nobody listens on."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 65_000 and all(_is_free(port + offset) for offset in range(3)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextmanager
def running_product(data: Path, settings: Mapping[str, str] | None = None) -> Iterator[Product]:
    """``./thicket up`` on a port of its own until everything is up; at the end it is asked to stop,
    as by Ctrl-C, and must leave no process behind."""
    port = free_port()
    log = data.with_suffix(".log")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("THICKET_")
    }
    environment |= {
        "THICKET_OPERATOR_EMAIL": OPERATOR,
        "THICKET_OPERATOR_PASSWORD": OPERATOR_PASSWORD,
        **(settings or {}),
    }
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(ROOT / "thicket"), "up", "--port", str(port), "--data", str(data)],
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    product = Product(
        address=f"http://127.0.0.1:{port}", port=port, data=data, log=log, process=process
    )
    try:
        wait_until(
            lambda: process.poll() is not None or "Thicket is up" in product.printed(),
            limit_s=_START_LIMIT_S,
            every_s=0.2,
            what="the product to be up",
        )
        assert process.poll() is None, product.printed()
        yield product
    finally:
        _stop(product)


def _stop(product: Product) -> None:
    process = product.process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=_STOP_LIMIT_S)
        wait_until(lambda: not _members(process.pid), limit_s=10, what="every process to be gone")
    finally:
        if _members(process.pid):
            os.killpg(process.pid, signal.SIGKILL)


def _members(session: int) -> list[int]:
    """Processes of the session that the product was started in."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if fields[0] != "Z" and int(fields[3]) == session:
            found.append(int(entry.name))
    return found


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
