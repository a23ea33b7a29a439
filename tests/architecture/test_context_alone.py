"""Each context starts and serves its pages without the other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
from app.composition.environment import load_settings
from app.composition.preparing import prepare
from app.composition.web import create_app
from app.composition.worker import create_worker

settings = load_settings()
prepare(settings)
client = create_app(settings).test_client()
for path in ("/", "/backoffice/", "/sign-in", "/healthz/ready"):
    print(path, client.get(path).status_code)
queues = create_worker(settings).broker.queues
print("queues", sorted({queue.context for queue in queues}))
"""


def _started_alone(context: str, data: Path) -> list[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("THICKET_")
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**environment, "THICKET_CONTEXTS": context, "THICKET_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("context", "answers"),
    [
        ("customer_service", {"/ 200", "/backoffice/ 404", "/sign-in 200", "/healthz/ready 200"}),
        ("backoffice", {"/ 404", "/backoffice/ 302", "/sign-in 200", "/healthz/ready 200"}),
    ],
)
def test_a_context_starts_alone(context: str, answers: set[str], tmp_path: Path) -> None:
    printed = _started_alone(context, tmp_path / "data")

    assert answers <= set(printed)
    assert f"queues ['{context}']" in printed
