"""The command line's entry point: what was typed, to a command, to an exit status."""

import os
import sys
from collections.abc import Sequence

import click

from app.cli.commands import door
from app.composition.installation import Installation
from ports.errors import (
    CannotStart,
    NoSuchFailedMessage,
    NoSuchProjection,
    Refusal,
    ThicketError,
)

BAD_INPUT = 2
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. 0: done; 1: it failed; 2: what was typed or set cannot be used."""
    try:
        answer = door.main(
            args=arguments, prog_name="thicket", standalone_mode=False, obj=Installation()
        )
    except click.exceptions.NoArgsIsHelpError as error:
        where = error.ctx.command_path if error.ctx else "thicket"
        return _complain(f"a command is missing; ./{where} --help lists them", BAD_INPUT)
    except click.UsageError as error:
        return _complain(_as_typed(error), BAD_INPUT)
    except click.ClickException as error:
        return _complain(error.format_message(), BAD_INPUT)
    except (KeyboardInterrupt, click.Abort):
        return _INTERRUPTED
    except ThicketError as error:
        return _complain(str(error), BAD_INPUT if _is_bad_input(error) else 1)
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return answer if isinstance(answer, int) else 0


def _is_bad_input(error: ThicketError) -> bool:
    from app.composition.in_the_way import CannotRun
    from app.composition.settings import SettingsAreWrong

    return isinstance(
        error,
        CannotRun
        | CannotStart
        | NoSuchFailedMessage
        | NoSuchProjection
        | Refusal
        | SettingsAreWrong,
    )


def _as_typed(error: click.UsageError) -> str:
    where = error.ctx.command_path if error.ctx else "thicket"
    message = error.format_message().rstrip(".")
    return f"{message}; ./{where} --help tells more"


def _complain(text: str, status: int) -> int:
    click.echo(f"thicket: {text}", err=True)
    return status
