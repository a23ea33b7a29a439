"""The command line's entry point: what was typed, to a command, to an exit status."""

import os
import sys
import traceback
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
    except OSError as error:
        # Click ends quietly by itself when whoever read the output has gone.
        if not _was_printing(error):
            raise
        # Else the interpreter tries to write the rest at its end, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _complain(f"the output could not be written: {error.strerror}", 1)
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


def _was_printing(error: OSError) -> bool:
    *_, (innermost, _) = traceback.walk_tb(error.__traceback__)
    return innermost.f_code is click.echo.__code__


def _as_typed(error: click.UsageError) -> str:
    where = error.ctx.command_path if error.ctx else "thicket"
    message = error.format_message().rstrip(".")
    return f"{message}; ./{where} --help tells more"


def _complain(text: str, status: int) -> int:
    click.echo(f"thicket: {text}", err=True)
    return status
