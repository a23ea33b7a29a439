"""Output that cannot be written: a full disk, or a reader that has gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def thicket(*arguments: str, stdout: int, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "app.composition", *arguments],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **env},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [(), ("endpoints", "--help"), ("endpoints", "--json")])
def test_output_that_has_no_room_is_one_line_and_a_failure(
    tmp_path: Path, arguments: tuple[str, ...], unbuffered: str
) -> None:
    with open("/dev/full", "w") as full:
        done = thicket(
            *arguments,
            stdout=full.fileno(),
            THICKET_DATA=str(tmp_path),
            PYTHONUNBUFFERED=unbuffered,
        )

    assert done.stderr == "thicket: the output could not be written: No space left on device\n"
    assert done.returncode == 1


def test_who_stops_reading_hears_no_complaint(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    done = thicket("endpoints", "--json", stdout=writing, THICKET_DATA=str(tmp_path))

    os.close(writing)
    assert (done.stderr, done.returncode) == ("", 1)
