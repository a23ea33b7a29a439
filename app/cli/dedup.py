"""What guards against handling a message twice, and for how long it is kept."""

from pathlib import Path

import click

from app.cli.options import data_option
from app.cli.product import product

_BITE = 1_000  # rows to a transaction


@click.group()
def dedup() -> None:
    """Look after the rows that keep a message from being handled twice."""


@dedup.command()
@data_option
def purge(data: Path | None) -> None:
    """Forget deliveries that were done longer ago than THICKET_KEEP_DELIVERIES says.

    Workers do it by themselves, a little every minute.
    """
    gone = 0
    with product().opened(data=data) as deployment:
        while bite := deployment.forget_deliveries(limit=_BITE):
            gone += bite
    click.echo(f"{gone} forgotten")
