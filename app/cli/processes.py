"""Starting, watching and stopping processes."""

from pathlib import Path

import click

from app.cli.options import HIGHEST_PORT, data_option, json_option
from app.cli.product import product
from app.cli.tables import duration, show


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, HIGHEST_PORT),
    metavar="N",
    help="Where the pages are served; Flower and the mail catcher take the next two. "
    "THICKET_PORT, or else 8000.",
)
@data_option
def up(port: int | None, data: Path | None) -> None:
    """Start everything and stay in the foreground until Ctrl-C.

    Migrates the databases, makes the first operator, then runs the pages, a worker, the relay,
    beat, Flower and, unless THICKET_SMTP_URL is set, the mail catcher. What has begun is finished
    before a process stops.
    """
    product().up(data=data, port=port)


@click.command()
@data_option
@json_option
def status(data: Path | None, as_json: bool) -> int:
    """Show the processes that up started.

    The exit status is 0 when all of them run, otherwise 1.
    """
    supervised = product().supervised(data=data)
    processes = supervised.processes() if supervised.is_running() else ()
    show(
        [
            {
                "name": process.name,
                "state": process.state,
                "pid": process.pid,
                "since_seconds" if as_json else "for": (
                    process.seconds if as_json else duration(process.seconds)
                ),
                "detail": process.detail,
            }
            for process in processes
        ],
        as_json=as_json,
        nothing="nothing runs on this data folder",
    )
    return 0 if processes and all(one.state == "running" for one in processes) else 1


@click.command()
@click.argument("name")
@data_option
def restart(name: str, data: Path | None) -> None:
    """Restart the process NAME; what it has begun is finished first."""
    product().supervised(data=data).restart(name)
    click.echo(f"{name} was restarted")


@click.command()
@data_option
def down(data: Path | None) -> None:
    """Stop everything that up started, and wait until it is gone."""
    door = product()
    supervised = door.supervised(data=data)
    if not supervised.is_running():
        click.echo("nothing runs on this data folder")
        return
    supervised.stop(limit_s=door.stop_limit_s())
    click.echo("everything has stopped")


def _process(name: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @data_option
    def run(data: Path | None) -> int:
        return product().run(name, data=data)

    return run


web = _process("web", "Serve the pages with gunicorn until a signal ends it.")
worker = _process("worker", "Handle messages from the broker with a Celery worker.")
relay = _process("relay", "Hand messages over from the message table to the broker.")
beat = _process("beat", "Trigger what has to happen regularly. Run exactly one.")
flower = _process("flower", "Watch the workers with Flower, on its own port and password.")
mailcatcher = _process("mailcatcher", "Catch mails for the page /mailbox; for one machine only.")
