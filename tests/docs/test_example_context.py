"""The example context, copied and wired into a copy of the product as the documentation says."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, build_opener

import pytest

from soak.ports import free_ports
from tests.docs.fences import ROOT, fences
from tests.support.waiting import wait_until

EXAMPLE = ROOT / "docs" / "examples" / "lending"
PARTS = (
    "adapters", "app", "celery_worker.py", "domain", "migrations", "ports", "pyproject.toml",
    "wsgi.py",
)  # fmt: skip

_LEND = """
from app.composition.deployment import build_deployment
from app.composition.environment import load_settings
from domain.lending.loan.messages import LendDevice

deployment = build_deployment(load_settings())
lend = LendDevice(loan_id="loan-1", device="A grey laptop", email="ann@example.com")
deployment.runtimes["lending"].commands.send(lend)
deployment.close()
"""
_LOOK = """
from app.composition.deployment import build_deployment
from app.composition.environment import load_settings
from ports.lending.queries import DevicesOutLongest

deployment = build_deployment(load_settings())
out = deployment.runtimes["lending"].queries.ask(DevicesOutLongest())
mails = deployment.caught_mails.search("ann@example.com", limit=10)
print(*[row.device for row in out], "/", *[mail.subject for mail in mails])
deployment.close()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One hunk: the lines that stand in a file, and those that take their place."""

    file: str
    before: str
    after: str


def _text(lines: Iterable[str]) -> str:
    """Without the sign that each line of a diff begins with."""
    return "".join(f"{line[1:]}\n" for line in lines)


def changes() -> list[Change]:
    found = []
    for fence in fences(ROOT / "docs" / "extending.md", "diff"):
        heading, _, text = fence.text.partition("\n")
        for hunk in re.split(r"^@@\n", text, flags=re.MULTILINE):
            lines = hunk.splitlines()
            found.append(
                Change(
                    file=heading.removeprefix("--- "),
                    before=_text(line for line in lines if not line.startswith("+")),
                    after=_text(line for line in lines if not line.startswith("-")),
                )
            )
    return found


@pytest.mark.parametrize("change", changes(), ids=lambda change: change.file)
def test_each_change_has_exactly_one_place(change: Change) -> None:
    assert (ROOT / change.file).read_text().count(change.before) == 1, change.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    root: Path
    port: int

    def python(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "PYTHONPATH": str(self.root),
            "THICKET_PORT": str(self.port),
            "THICKET_FLOWER": "false",
        }


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    root = tmp_path_factory.mktemp("lending")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / part, root / part)
    shutil.copytree(
        EXAMPLE, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("README.md", "__pycache__")
    )
    for change in changes():
        file = root / change.file
        file.write_text(file.read_text().replace(change.before, change.after))
    return Copy(root=root, port=free_ports(3))


@pytest.fixture(scope="module")
def running(copy: Copy) -> Iterator[Copy]:
    printed = copy.root / "printed"
    with printed.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "app.composition", "up"],
            cwd=copy.root,
            env=copy.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(
            lambda: process.poll() is not None or "Thicket is up." in printed.read_text(),
            limit_s=100,
            what="Thicket is up",
        )
        assert process.poll() is None, printed.read_text()
        yield copy
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=90) == 0, printed.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def test_the_walls_between_layers_and_contexts_hold(copy: Copy) -> None:
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"

    done = copy.python("-c", lint, "--no-cache")

    assert done.returncode == 0, done.stdout
    assert "Lending knows nothing of the others but their contracts KEPT" in done.stdout


def test_its_own_tests_pass(copy: Copy) -> None:
    # The product's own tests are not in the copy, nor is their configuration needed.
    done = copy.python("-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", "tests")

    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_its_handlers_are_listed(copy: Copy) -> None:
    done = copy.python("-m", "app.composition", "endpoints", "--json")

    listed = {row["id"]: row["channel"] for row in json.loads(done.stdout)}
    assert listed["loan.lend"] is None
    assert listed["loan.hand_out_receipt"] == "lending.receipts"


def test_a_command_is_handled_by_the_running_processes(running: Copy) -> None:
    lent = running.python("-c", _LEND)

    assert lent.returncode == 0, lent.stderr
    wait_until(
        lambda: running.python("-c", _LOOK).stdout.strip() == "A grey laptop / Your receipt",
        limit_s=30,
        what="the device to be listed and the receipt to be mailed",
    )


def test_its_page_asks_who_one_is(running: Copy) -> None:
    with pytest.raises(HTTPError) as answer:
        build_opener(_NoRedirects).open(f"http://127.0.0.1:{running.port}/lending", timeout=10)

    assert answer.value.code in (302, 303)
    assert "/sign-in" in answer.value.headers["Location"]


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None
