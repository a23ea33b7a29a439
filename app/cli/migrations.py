"""Migrations of every database that the settings name."""

from pathlib import Path

import click

from app.cli.options import ask_first, data_option, json_option
from app.cli.product import product
from app.cli.tables import show


@click.command()
@data_option
def prepare(data: Path | None) -> None:
    """Migrate and make the first operator, as up does by itself.

    To be run once before the single processes are started, at every release. Safe to repeat.
    """
    product().prepare(data=data)


@click.command()
@click.option("--status", "only_status", is_flag=True, help="Only show how far each branch is.")
@click.option(
    "--down",
    metavar="BRANCH",
    help="Take one branch back instead. Its tables and what they hold are gone.",
)
@click.option(
    "--to", "revision", metavar="REVISION", help="With --down: how far back; else all the way."
)
@click.option("--yes", is_flag=True, help="With --down: do not ask.")
@data_option
@json_option
def migrate(
    only_status: bool,
    down: str | None,
    revision: str | None,
    yes: bool,
    data: Path | None,
    as_json: bool,
) -> int:
    """Bring every database to the state that this release needs.

    Safe to run at any time and several times at once. With --status the exit status is 1 when
    something is not at its head.
    """
    if down is None and revision is not None:
        raise click.UsageError("--to needs --down: say which branch goes back")
    if down is not None and only_status:
        raise click.UsageError("--status only looks, and --down changes: choose one of them")
    door = product()
    if down is not None:
        target = revision or "base"
        if not yes:
            ask_first(f"Take {down} back to {target} and lose what it holds?")
        door.downgrade(down, target, data=data)
    elif not only_status:
        door.migrate(data=data)
    states = door.migrations(data=data)
    show(
        [
            {
                "database": state.store,
                "branch": state.branch,
                "revision": state.revision,
                "head": state.head,
            }
            for state in states
        ],
        as_json=as_json,
        nothing="there is nothing to migrate",
    )
    return 1 if only_status and any(one.revision != one.head for one in states) else 0
