import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Set, so that the script leaves the servers of this machine alone.
_ELSEWHERE = {
    "THICKET_TEST_POSTGRES_URL": "postgresql://elsewhere/test",
    "THICKET_TEST_RABBITMQ_URL": "amqp://elsewhere//",
    "THICKET_TEST_REDIS_URL": "redis://elsewhere/0",
    "THICKET_TEST_CHROMIUM": "/elsewhere/chromium",
}


@pytest.mark.parametrize("status", [0, 1])
def test_ci_is_the_test_command_with_missing_servers_as_failures(
    tmp_path: Path, status: int
) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    door = tmp_path / "thicket"
    door.write_text(f'#!/bin/sh\necho "called with $* and CI=$CI"\nexit {status}\n')
    door.chmod(0o755)

    done = subprocess.run(
        ["bash", str(tmp_path / ".ci" / "run")],
        cwd="/",
        env={**os.environ, **_ELSEWHERE, "CI": "true"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == "called with test and CI=1\n"
    assert done.returncode == status
