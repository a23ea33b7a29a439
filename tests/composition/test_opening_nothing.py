"""What is built before processes fork must not have opened anything: a connection, thread or file
that two processes share breaks both."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_WATCHED = """
import sys

seen = []

def watch(event, arguments):
    opens = event == "open" and isinstance(arguments[1], str) and any(
        sign in arguments[1] for sign in "wax+"
    )
    if opens or event in ("socket.connect", "sqlite3.connect", "_thread.start_new_thread"):
        seen.append((event, str(arguments[:1])))

from app.composition.environment import load_settings

settings = load_settings()
sys.addaudithook(watch)
IMPORTS_AND_CALL
print(seen)
"""

_PRODUCTION = {
    "THICKET_PROFILE": "production",
    # Nobody listens there, so that an attempt would fail as well.
    "THICKET_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "THICKET_BROKER_URL": "amqp://nobody:nothing@127.0.0.1:1//",
    "THICKET_PUBLIC_URL": "https://desk.example",
    "THICKET_SECRET_KEY": "k" * 32,
    "THICKET_OTLP_ENDPOINT": "http://127.0.0.1:1",
}


@pytest.mark.parametrize("profile", [{}, _PRODUCTION], ids=["embedded", "production"])
@pytest.mark.parametrize(
    "call",
    [
        "from app.composition.web import create_app; create_app(settings)",
        "from app.composition.worker import create_worker; create_worker(settings)",
        "from app.composition.deployment import build_deployment; build_deployment(settings)",
    ],
    ids=["pages", "worker", "deployment"],
)
def test_building_opens_nothing(call: str, profile: dict[str, str], tmp_path: Path) -> None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("THICKET_")
    }
    environment |= {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "THICKET_DATA": str(tmp_path / "data"),
        **profile,
    }

    done = subprocess.run(
        [sys.executable, "-P", "-c", _WATCHED.replace("IMPORTS_AND_CALL", call)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
