"""The whole product, started by its own command, and a visitor who reports issues."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

from bench.processes import ROOT
from bench.rounds import FigureFailed, wait_until

_START_LIMIT_S = 180
_STOP_LIMIT_S = 90
_PRINTED = 2_000  # characters of its output that tell why it did not start
# Nothing of what is measured must be refused for coming too often.
_OPEN = {
    "THICKET_LIMIT_REPORTS": "100000 per minute",
    "THICKET_LIMIT_MAILS": "100000 per hour",
    "THICKET_DEMO_FAULT": "false",
    "THICKET_OPERATOR_PASSWORD": "a password for benchmarks only",
}


NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    port: int
    data: Path
    session: int  # of all its processes


def door(
    *arguments: str, log: Path, settings: Mapping[str, str] = NOTHING
) -> "subprocess.Popen[bytes]":
    """``./thicket`` with nothing set but these, in the virtual environment of this process."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("THICKET_")
    }
    environment |= {"THICKET_VENV": sys.prefix, **settings}
    with log.open("wb") as stream:
        return subprocess.Popen(
            [str(ROOT / "thicket"), *arguments],
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextmanager
def running_product(data: Path, settings: Mapping[str, str]) -> Iterator[Product]:
    """``./thicket up`` until everything is up; at the end it is asked to stop, as by Ctrl-C."""
    port = _free_ports()
    log = data.with_suffix(".log")
    arguments = ("up", "--port", str(port), "--data", str(data))
    process = door(*arguments, log=log, settings={**_OPEN, **settings})
    try:
        with suppress(TimeoutError):
            wait_until(
                lambda: process.poll() is not None or "Thicket is up" in log.read_text(),
                limit_s=_START_LIMIT_S,
                every_s=0.2,
                what="the product to be up",
            )
        if "Thicket is up" not in log.read_text():
            raise FigureFailed(f"the product did not start: {log.read_text()[-_PRINTED:]}")
        yield Product(port=port, data=data, session=process.pid)
    finally:
        _stop(process)


def members(session: int) -> list[int]:
    """The ids of the living processes of a session."""
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


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_LIMIT_S)
        wait_until(lambda: not members(process.pid), limit_s=10, what="every process to be gone")
    except (subprocess.TimeoutExpired, TimeoutError):
        os.killpg(process.pid, signal.SIGKILL)


def _free_ports() -> int:
    """The first of three in a row that nobody listens on."""
    span = range(20_000, 31_990, 3)
    start = (os.getpid() * 7919) % len(span)
    for offset in range(len(span)):
        first = span[(start + offset) % len(span)]
        if all(_is_free(first + number) for number in range(3)):
            return first
    raise FigureFailed("no three free ports in a row")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Visitor:
    """Reports issues by the page's form."""

    def __init__(self, port: int) -> None:
        self._port = port

    def open_form(self) -> Mapping[str, str]:
        """What has to come back with the form."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("GET", "/")
        response = connection.getresponse()
        page = response.read().decode()
        cookies = SimpleCookie(response.headers.get("Set-Cookie", ""))
        connection.close()
        hidden = {
            name: value
            for tag in re.findall(r"<input[^>]*>", page)
            if 'type="hidden"' in tag
            for name in re.findall(r'name="([^"]*)"', tag)
            for value in re.findall(r'value="([^"]*)"', tag)
        }
        cookie = "; ".join(f"{name}={one.value}" for name, one in cookies.items())
        return {**hidden, "Cookie": cookie}

    def report(self, form: Mapping[str, str], subject: str) -> None:
        """Raises:
        FigureFailed: it was not taken.
        """
        fields = {name: value for name, value in form.items() if name != "Cookie"}
        fields |= {"email": "visitor@example.org", "subject": subject, "content": "It broke."}
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request(
            "POST",
            "/issues",
            body=urlencode(fields),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": form["Cookie"],
            },
        )
        response = connection.getresponse()
        response.read()
        connection.close()
        if response.status != 303:
            raise FigureFailed(f"the report was answered with {response.status}")
