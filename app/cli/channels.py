"""Channels from the command line."""

from pathlib import Path

import click

from app.cli.options import data_option, json_option
from app.cli.product import product
from app.cli.tables import show


@click.group()
def channel() -> None:
    """Look at channels, and work one off by itself."""


@channel.command("list")
@data_option
@json_option
def list_channels(data: Path | None, as_json: bool) -> None:
    """List the channels with their kinds and retries."""
    with product().opened(data=data) as deployment:
        rows = [
            {
                "name": name,
                "kind": declared.kind.value,
                "instant_retries": declared.retry.instant,
                "delayed_retries": declared.retry.delayed,
                "prioritised": declared.prioritised,
                "time_limit_seconds": declared.time_limit_seconds,
            }
            for runtime in deployment.runtimes.values()
            for name, declared in runtime.channels.items()
        ]
    show(rows, as_json=as_json, nothing="there are no channels")


@channel.command()
@click.argument("name")
@data_option
def run(name: str, data: Path | None) -> int:
    """Handle the messages of the channel NAME until a signal says stop.

    A message that is being handled is finished first. Any number may run at once.
    """
    return product().run_channel(name, data=data)
