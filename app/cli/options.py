"""Options that several commands share."""

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ports.outbound.audit import LONGEST_REASON

F = TypeVar("F", bound=Callable[..., Any])

HIGHEST_PORT = 65_533  # two more follow it


def data_option(command: F) -> F:
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        callback=_named,
        metavar="FOLDER",
        help="The data folder; THICKET_DATA, or else the folder data beside the code.",
    )(command)


def _named(_context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Else nothing at all, as of a variable that is not set, would mean the folder one is in."""
    if value is not None and value == Path():
        raise click.BadParameter("name a folder", param=parameter)
    return value


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(
        command
    )


def is_a_person_there() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def ask_first(question: str) -> None:
    """Go on only when a person at a terminal says so; otherwise the command ends here."""
    if not is_a_person_there():
        raise click.UsageError("there is nobody to ask without a terminal: add --yes to do it")
    if not click.confirm(question):
        click.echo("nothing was done")
        click.get_current_context().exit(1)


def acting_options(*, reason_required: bool) -> Callable[[F], F]:
    """Who acts and why; both are kept beside what was done."""

    def add(command: F) -> F:
        command = click.option(
            "--actor",
            default=lambda: f"{getpass.getuser()} (command line)",
            show_default="you",
            help="Who acts.",
        )(command)
        if not reason_required:
            return click.option("--reason", default="", callback=_bounded, help="Why.")(command)
        return click.option("--reason", required=True, callback=_said, help="Why.")(command)

    return add


def _said(_context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("say why", param=parameter)
    return _bounded(_context, parameter, value)


def _bounded(_context: click.Context, parameter: click.Parameter, value: str) -> str:
    if len(value.strip()) > LONGEST_REASON:
        raise click.BadParameter(f"at most {LONGEST_REASON} characters", param=parameter)
    return value.strip()
