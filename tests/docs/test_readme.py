"""What the README tells a stranger to type and to do, in a fresh copy of the product.

Only the port is not the one of the README, because another copy may run on this machine.
"""

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

from app.cli.testing import CHECKS
from app.composition.environment import DEFAULT_PORT
from soak.ports import free_ports
from tests.docs.fences import ROOT, fences
from tests.support.waiting import wait_until

README = ROOT / "README.md"
UP = "./thicket up"
TEST = "./thicket test"

_PARTS = (
    "adapters", "app", "celery_worker.py", "domain", "migrations", "ports", "pyproject.toml",
    "requirements", "thicket", "wsgi.py",
)  # fmt: skip


def typed() -> list[str]:
    return [line for fence in fences(README, "sh") for line in fence.text.splitlines()]


def pictures() -> set[str]:
    """Those that the README shows."""
    return set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", README.read_text()))


def pictures_script() -> ModuleType:
    """The one that walks through the README's five minutes to take its pictures."""
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "scripts" / "pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    root: Path
    port: int
    printed: Path
    process: "subprocess.Popen[bytes]"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def type(self, line: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            shlex.split(line),
            cwd=self.root,
            env=environment(self.port),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def environment(port: int) -> dict[str, str]:
    """Nothing that a stranger would not have, but the port and the packages."""
    names = ("PATH", "HOME", "LANG", "TMPDIR")
    known = {name: os.environ[name] for name in names if name in os.environ}
    return {**known, "THICKET_PORT": str(port), "THICKET_VENV": sys.prefix}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """A copy of the product in which the README's first command was typed."""
    installed = Path(sys.prefix, ".thicket", "runtime.txt")
    assert installed.read_bytes() == (ROOT / "requirements" / "runtime.txt").read_bytes(), (
        "these packages are not those of the lock file; run the tests by ./thicket test"
    )
    root = tmp_path_factory.mktemp("stranger") / "thicket"
    root.mkdir()
    for part in _PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / part, root / part)
    printed, port = root.parent / "printed", free_ports(3)
    with printed.open("wb") as output:
        process = subprocess.Popen(
            shlex.split(UP),
            cwd=root,
            env=environment(port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    copy = Copy(root=root, port=port, printed=printed, process=process)
    try:
        wait_until(
            lambda: process.poll() is not None or "Thicket is up." in printed.read_text(),
            limit_s=100,
            what="Thicket is up",
        )
        assert process.poll() is None, printed.read_text()
        yield copy
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def test_pictures_are_small() -> None:
    sizes = {picture: (ROOT / picture).stat().st_size for picture in pictures()}

    assert {picture: size for picture, size in sizes.items() if size >= 200_000} == {}
    assert len(sizes) >= 4


def test_the_two_commands_come_first() -> None:
    assert typed()[:2] == [UP, TEST]


def test_the_second_command_runs_what_the_readme_says() -> None:
    """It is this very command that runs this test, so it is not typed again."""
    (said,) = re.findall(r"whether a change is good: ([^.]+)\.", README.read_text())

    assert said.split(", ") == [*(check.name for check in CHECKS), "tests"]


def test_the_pages_are_where_the_readme_says(copy: Copy) -> None:
    assert f"<http://127.0.0.1:{DEFAULT_PORT}/>" in README.read_text()
    with urlopen(f"{copy.address}/") as answer:
        assert answer.status == 200


def test_the_password_is_where_the_readme_says(copy: Copy) -> None:
    (said,) = re.findall(r"otherwise it is in `([^`]+)`", README.read_text())

    assert len((copy.root / said).read_text().strip()) >= 12


@pytest.mark.parametrize("line", [line for line in typed() if line not in (UP, TEST)])
def test_every_other_command_works_while_it_runs(line: str, copy: Copy) -> None:
    done = copy.type(line)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stderr == ""


@pytest.mark.browser
@pytest.mark.story
def test_the_five_minutes_go_as_the_readme_says(copy: Copy, chromium: Browser) -> None:
    password = (copy.root / "data" / "operator-password").read_text().strip()
    taken: list[str] = []

    pictures_script().tour(
        chromium, copy.address, password, lambda page, picture: taken.append(picture)
    )

    assert {f"docs/pictures/{picture}.png" for picture in taken} == pictures()


def test_ctrl_c_stops_everything(copy: Copy) -> None:
    os.kill(copy.process.pid, signal.SIGINT)

    assert copy.process.wait(timeout=90) == 0, copy.printed.read_text()
    assert "Traceback" not in copy.printed.read_text()
