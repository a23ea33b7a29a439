"""Processes of the product, started for one test."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soak.ports import answers
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def command(
    *arguments: str, path: Path | None = None, **settings: str
) -> Iterator["subprocess.Popen[str]"]:
    """Run ``./thicket`` with these arguments and nothing but these ``THICKET_…`` settings; what it
    started is gone at the end. ``path`` is searched for modules before the product itself."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("THICKET_")
    }
    environment |= {f"THICKET_{name}": value for name, value in settings.items()}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, [*([path] if path else []), ROOT]))
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "app.composition", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)


def wait_for_port(process: "subprocess.Popen[str]", port: int, *, limit_s: float = 30) -> None:
    """Until the process serves there; fails at once, with what it printed, when it has ended."""

    def is_served() -> bool:
        if process.poll() is not None:
            output, _ = process.communicate()
            raise AssertionError(f"ended with {process.returncode}: {output}")
        return answers(port)

    wait_until(is_served, limit_s=limit_s, what=f"port {port} to be served")
