"""The product's packages, and a copy of them in which a test may plant something."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "adapters", "domain", "ports")
_LIMIT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    code: int
    output: str


def python(*arguments: str, where: Path) -> Ran:
    """Run this interpreter afresh, with the packages found in ``where``."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=where,
        env={**os.environ, "COLUMNS": "400"},  # a report is not broken into short lines
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    return Ran(code=done.returncode, output=done.stdout + done.stderr)


def lint_imports(*arguments: str, where: Path) -> Ran:
    """Check the contracts of ``pyproject.toml`` in ``where``."""
    program = (
        "import sys; from importlinter.cli import lint_imports_command; "
        "sys.argv[0] = 'lint-imports'; lint_imports_command()"
    )
    return python("-c", program, "--no-cache", "--no-logo", *arguments, where=where)


def copy_of_the_sources(to: Path) -> Path:
    """All Python files of the product, and the settings of the tools."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, to / package, ignore=_all_but_python)
    shutil.copy(ROOT / "pyproject.toml", to)
    return to


def plant(root: Path, module: str, source: str, *, again: bool = False) -> None:
    """Write a new module, and the packages around it that are missing. What was there before is
    never overwritten, but by the same plant ``again``."""
    parts = module.split(".")
    for depth in range(1, len(parts)):
        package = root.joinpath(*parts[:depth])
        if not package.exists():
            package.mkdir()
            (package / "__init__.py").touch()
    with root.joinpath(*parts).with_suffix(".py").open("w" if again else "x") as file:
        file.write(source)


def uproot(root: Path, *, but: frozenset[Path]) -> None:
    """Take away what was planted after ``but`` was all there was."""
    for path in sorted(set(root.rglob("*")) - but, reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()


def _all_but_python(folder: str, names: list[str]) -> set[str]:
    return {
        name
        for name in names
        if name == "__pycache__"
        or not (name.endswith(".py") or Path(folder, name).is_dir())
        or name == "static"
    }
