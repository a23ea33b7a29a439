"""The script ``thicket`` itself, in a folder of its own with programs of our choice on the path."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_TOOLS = ("sh", "dirname", "readlink", "cmp", "mkdir")

# Stands for the product: tells how it was called.
_PRODUCT = """
import os, sys
print("ran", *sys.argv[1:], "with", sys.prefix, "from", os.getcwd())
sys.exit(int(os.environ.get("EXIT_STATUS", "0")))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    root: Path
    bin: Path

    def open(
        self, *arguments: str, cwd: Path | None = None, script: Path | None = None, **env: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(script or self.root / "thicket"), *arguments],
            env=self.environment(**env),
            cwd=cwd or self.root,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def environment(self, **env: str) -> dict[str, str]:
        return {"PATH": str(self.bin), "HOME": str(self.root), **env}

    def provide(self, name: str, preparation: str = "") -> None:
        """Put a Python on the path that runs ``preparation`` before everything it is asked to."""
        program = self.bin / name
        if not preparation:
            program.symlink_to(sys.executable)
            return
        program.write_text(
            "#!/bin/sh\n"
            f"exec {sys.executable} -c 'import sys; {preparation}; exec(sys.argv[1])' \"$3\"\n"
        )
        program.chmod(0o755)

    def lock(self, kind: str, text: str) -> None:
        (self.root / "requirements" / f"{kind}.txt").write_text(text)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    root, programs = tmp_path / "product", tmp_path / "bin"
    (root / "app" / "cli").mkdir(parents=True)
    (root / "app" / "composition").mkdir()
    (root / "requirements").mkdir()
    programs.mkdir()
    shutil.copy(ROOT / "thicket", root / "thicket")
    shutil.copy(ROOT / "app" / "cli" / "installing.py", root / "app" / "cli")
    (root / "app" / "__init__.py").touch()
    (root / "app" / "composition" / "__init__.py").touch()
    (root / "app" / "composition" / "__main__.py").write_text(_PRODUCT)
    for tool in _TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (programs / tool).symlink_to(found)
    door = Door(root=root, bin=programs)
    door.lock("runtime", "# one\n")
    door.lock("development", "# one\n# and more\n")
    return door


@pytest.fixture(scope="module")
def bare_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Making one takes seconds; a copy of it works as well."""
    venv = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, timeout=100)
    return venv


@pytest.fixture
def installed(door: Door, bare_venv: Path) -> Door:
    """As after a first start."""
    door.provide("python3")
    shutil.copytree(bare_venv, door.root / ".venv", symlinks=True)
    stamps = door.root / ".venv" / ".thicket"
    stamps.mkdir()
    shutil.copy(door.root / "requirements" / "runtime.txt", stamps)
    return door


def one_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


def test_without_python_one_line_says_what_to_install(door: Door) -> None:
    done = door.open("up")

    assert done.returncode == 2
    assert done.stdout == ""
    assert one_line(done.stderr).startswith("thicket: Python is missing; install Python 3.11")
    assert "apt install python3 python3-venv" in done.stderr


def test_an_old_python_is_named_with_its_version(door: Door) -> None:
    door.provide("python3", 'sys.version_info = (3, 9, 2, "final", 0)')

    done = door.open("up")

    assert done.returncode == 2
    assert one_line(done.stderr).startswith("thicket: python3 3.9.2 is too old; install Python")


def test_a_python_without_venv_is_named(door: Door) -> None:
    door.provide("python3", 'sys.modules["ensurepip"] = None')

    done = door.open("up")

    assert done.returncode == 2
    assert "lacks the module venv or ensurepip; install" in one_line(done.stderr)


def test_a_chosen_python_that_will_not_do_is_not_replaced_by_another(door: Door) -> None:
    door.provide("python3")
    door.provide("old", 'sys.version_info = (2, 7, 18, "final", 0)')

    done = door.open("up", THICKET_PYTHON="old")

    assert done.returncode == 2
    assert one_line(done.stderr).startswith("thicket: old 2.7.18 is too old")


def test_the_first_start_makes_the_environment_and_later_ones_do_not(door: Door) -> None:
    door.provide("python3", 'sys.version_info = (3, 9, 2, "final", 0)')
    door.provide("python3.12")

    first = door.open("up", "--port", "7000")
    second = door.open("up", "--port", "7000")

    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert first.stdout.startswith(f"ran up --port 7000 with {door.root}/.venv ")
    assert one_line(first.stderr).startswith("thicket: making .venv with Python ")
    assert second.stderr == ""


def test_a_complete_environment_is_used_without_looking_for_python(installed: Door) -> None:
    (installed.bin / "python3").unlink()

    done = installed.open("status")

    assert done.returncode == 0
    assert done.stderr == ""


def test_the_exit_status_is_the_commands(installed: Door) -> None:
    assert installed.open("up", EXIT_STATUS="7").returncode == 7


def test_a_changed_lock_file_updates_the_environment(installed: Door) -> None:
    installed.lock("runtime", "# two\n")

    first = installed.open("up")
    second = installed.open("up")

    assert one_line(first.stderr) == "thicket: updating .venv"
    assert first.returncode == 0
    assert second.stderr == ""


def test_tests_need_more_than_running_and_running_is_content_with_more(installed: Door) -> None:
    test = installed.open("test")
    up = installed.open("up")
    again = installed.open("test")

    assert one_line(test.stderr) == "thicket: updating .venv"
    assert (up.stderr, again.stderr) == ("", "")


def test_an_environment_for_development_stays_one_when_only_running_changed(
    installed: Door,
) -> None:
    installed.open("test")
    installed.lock("runtime", "# two\n")
    installed.lock("development", "# two\n# and more\n")

    up = installed.open("up")
    test = installed.open("test")

    assert one_line(up.stderr) == "thicket: updating .venv"
    assert test.stderr == ""


def test_what_a_killed_installation_left_behind_is_thrown_away(installed: Door) -> None:
    left = installed.root / ".venv" / "half-installed"
    left.touch()
    (installed.root / ".venv" / ".thicket" / "unfinished").touch()

    done = installed.open("up")

    assert done.returncode == 0
    assert one_line(done.stderr).startswith("thicket: making .venv")
    assert not left.exists()


def test_an_environment_whose_python_is_gone_is_made_anew(installed: Door) -> None:
    python = installed.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")

    done = installed.open("up")

    assert done.returncode == 0
    assert one_line(done.stderr).startswith("thicket: making .venv")


def test_requirements_that_cannot_be_installed_are_told_and_tried_again(installed: Door) -> None:
    installed.lock("runtime", "./no-such-package\n")

    failed = installed.open("up", PIP_NO_INDEX="1")
    installed.lock("runtime", "# mended\n")
    mended = installed.open("up")

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.splitlines()[-1].startswith("thicket: could not install the requirements")
    assert mended.returncode == 0
    assert one_line(mended.stderr).startswith("thicket: making .venv")


def test_two_first_starts_at_once_make_one_environment(door: Door) -> None:
    door.provide("python3")
    starts = [
        subprocess.Popen(
            [str(door.root / "thicket"), "up"],
            env=door.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    outcomes = [start.communicate(timeout=100) for start in starts]

    assert [start.returncode for start in starts] == [0, 0]
    assert all(stdout.startswith("ran up") for stdout, _ in outcomes)
    assert sum("making .venv" in stderr for _, stderr in outcomes) == 1


def test_it_is_opened_from_anywhere_and_through_a_link(installed: Door, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    (elsewhere / "app").mkdir()
    (elsewhere / "app" / "__init__.py").write_text("raise RuntimeError('the wrong package')")
    link = elsewhere / "desk"
    link.symlink_to("../product/thicket")

    done = installed.open("up", cwd=elsewhere, script=link)

    assert done.stderr == ""
    assert done.stdout.rstrip().endswith(f"from {elsewhere}")


def test_the_environment_can_lie_elsewhere(installed: Door, tmp_path: Path) -> None:
    shutil.move(installed.root / ".venv", tmp_path / "venv")

    done = installed.open("up", THICKET_VENV=str(tmp_path / "venv"))

    assert f" with {tmp_path / 'venv'} " in done.stdout
    assert not (installed.root / ".venv").exists()


def test_it_is_a_shell_script_of_any_posix_shell() -> None:
    first = (ROOT / "thicket").read_text().splitlines()[0]

    assert first == "#!/bin/sh"
    assert os.access(ROOT / "thicket", os.X_OK)


def test_the_list_of_commands_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from app.composition.command_line import main\n"
        "assert main([]) == 0\n"
        "print(sorted({'flask', 'celery', 'sqlalchemy', 'alembic', 'supervisor', 'environs',"
        " 'gunicorn', 'opentelemetry'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "[]"
