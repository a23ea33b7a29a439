"""Every command, with the sentence that the list shows.

A command's module is imported when it is run, never to show the list.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import click


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """``module`` lies in ``app.cli`` and has the command under its own name, dashes as
    underscores."""

    name: str
    module: str
    sentence: str


SECTIONS: dict[str, Sequence[Entry]] = {
    "Everything on this machine": (
        Entry(
            name="up",
            module="processes",
            sentence="Start everything and stay in the foreground until Ctrl-C.",
        ),
        Entry(name="status", module="processes", sentence="Show the processes that up started."),
        Entry(
            name="restart",
            module="processes",
            sentence="Restart one of them; what it has begun is finished first.",
        ),
        Entry(name="down", module="processes", sentence="Stop everything that up started."),
    ),
    "Messages": (
        Entry(
            name="failed",
            module="failed",
            sentence="List, show, replay, delete and restore failed messages.",
        ),
        Entry(
            name="channel",
            module="channels",
            sentence="List channels, work one off by itself, or empty a removed one.",
        ),
        Entry(
            name="projection",
            module="projections",
            sentence="List projections, or build one anew from the event log.",
        ),
        Entry(
            name="endpoints",
            module="endpoints",
            sentence="List every handler with what it handles and where it stands.",
        ),
    ),
    "People": (
        Entry(
            name="operator",
            module="operators",
            sentence="Make an operator, or a link for one whose password is lost.",
        ),
    ),
    "Storage": (
        Entry(
            name="dedup",
            module="dedup",
            sentence="Forget deliveries that were done long ago.",
        ),
        Entry(
            name="migrate",
            module="migrations",
            sentence="Bring every database to the state that this release needs.",
        ),
        Entry(
            name="prepare",
            module="migrations",
            sentence="Migrate and make the first operator, as up does by itself.",
        ),
    ),
    "Development": (
        Entry(
            name="test",
            module="testing",
            sentence="Check format, style, types, layers and templates, and run the tests.",
        ),
        Entry(
            name="bench",
            module="bench",
            sentence="Measure how fast it is, beside the same work done by hand.",
        ),
        Entry(
            name="soak",
            module="soak",
            sentence="Kill parts of it under load, and account for all that was accepted.",
        ),
    ),
    "One process alone": (
        Entry(name="web", module="processes", sentence="Serve the pages."),
        Entry(name="worker", module="processes", sentence="Handle messages from the broker."),
        Entry(name="relay", module="processes", sentence="Hand messages over to the broker."),
        Entry(name="beat", module="processes", sentence="Trigger what has to happen regularly."),
        Entry(name="flower", module="processes", sentence="Watch the workers with Flower."),
        Entry(
            name="mailcatcher",
            module="processes",
            sentence="Catch mails for the page /mailbox instead of sending them.",
        ),
    ),
}
ENTRIES = {entry.name: entry for entries in SECTIONS.values() for entry in entries}


class Door(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(ENTRIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = ENTRIES.get(cmd_name)
        if entry is None:
            return None
        module = import_module(f"app.cli.{entry.module}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in ENTRIES and not name.startswith("-"):
            alike = difflib.get_close_matches(name, ENTRIES, n=1)
            hint = f" (did you mean {alike[0]}?)" if alike else ""
            raise click.UsageError(f"there is no command {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(entry.name, entry.sentence) for entry in entries])


@click.command(
    cls=Door,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGUMENT]...",
    options_metavar="",
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)
@click.pass_context
def door(ctx: click.Context) -> None:
    """A support desk whose work is done by messages.

    Settings come from THICKET_... variables. ./thicket COMMAND --help tells more about a command.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
