"""Everything that decides whether a change is good, in one command."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import click

from app.cli.product import product

_TEST_PROCESSES = "2"
_LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    arguments: Sequence[str]  # of Python


CHECKS = (
    Check(name="format", arguments=("-m", "ruff", "format", "--check", ".")),
    Check(name="style", arguments=("-m", "ruff", "check", ".")),
    Check(name="types", arguments=("-m", "mypy")),
    Check(name="layers", arguments=("-c", _LINT_IMPORTS, "--no-logo")),
    Check(name="templates", arguments=("-m", "djlint", "--lint", "--quiet", "app")),
)


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    options_metavar="",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENT]...")
def test(arguments: tuple[str, ...]) -> int:
    """Check format, style, types, layers and templates, and run the tests.

    With arguments only pytest is run, on them. Tests whose server is missing are skipped and
    counted; with CI=1 they fail.
    """
    if arguments:
        return _pytest(arguments, cwd=os.getcwd())
    root = str(product().root)
    failed = [check.name for check in CHECKS if not _passes(check, cwd=root)]
    status = _pytest(("-n", _TEST_PROCESSES, "--dist", "loadscope"), cwd=root)
    if failed:
        click.echo(f"thicket: these checks failed: {', '.join(failed)}", err=True)
    return status or (1 if failed else 0)


def _passes(check: Check, *, cwd: str) -> bool:
    """What a check has to say is shown only when it found something."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-P", *check.arguments],
        cwd=cwd,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    click.echo(f"{check.name:<10} {verdict} in {time.monotonic() - begun:.1f} s")
    if done.returncode != 0:
        click.echo(done.stdout)
    return done.returncode == 0


def _pytest(arguments: Sequence[str], *, cwd: str) -> int:
    command = [sys.executable, "-P", "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=cwd, env=_environment(), check=False).returncode


def _environment() -> dict[str, str]:
    """Tests bring settings of their own; a developer's must not leak into them."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("THICKET_") or name.startswith("THICKET_TEST_")
    }
