"""Channels from the command line."""

from collections.abc import Mapping
from pathlib import Path

import click

from app.cli.options import data_option, json_option
from app.cli.product import Deployment, product
from app.cli.tables import Row, show


@click.group()
def channel() -> None:
    """Look at channels, and work one off by itself."""


@channel.command("list")
@data_option
@json_option
def list_channels(data: Path | None, as_json: bool) -> None:
    """List the channels with what waits in the broker, their kinds and retries."""
    with product().opened(data=data) as deployment:
        depths = _depths(deployment)
        rows = [
            {
                "name": name,
                "kind": declared.kind.value,
                **_depth(name, depths, as_json=as_json),
                "instant_retries": declared.retry.instant,
                "delayed_retries": declared.retry.delayed,
                "prioritised": declared.prioritised,
                "time_limit_seconds": declared.time_limit_seconds,
            }
            for runtime in deployment.runtimes.values()
            for name, declared in runtime.channels.items()
        ]
    show(rows, as_json=as_json, nothing="there are no channels")


def _depths(deployment: Deployment) -> Mapping[str, int | None]:
    """Of the channels that live in the broker; None: it is away, and then it is not asked again,
    because each question would wait for an answer."""
    depths: dict[str, int | None] = {}
    away = False
    for runtime in deployment.runtimes.values():
        for name in runtime.channels:
            sender = runtime.senders.get(name)
            if sender is not None:
                depths[name] = None if away else sender.depth()
                away = depths[name] is None
    return depths


def _depth(name: str, depths: Mapping[str, int | None], *, as_json: bool) -> Row:
    """For programs a number or null. People are told why there is none."""
    depth = depths.get(name)
    if as_json or depth is not None:
        return {"in_broker": depth}
    return {"in_broker": "broker away" if name in depths else ""}


@channel.command()
@click.argument("name")
@data_option
def run(name: str, data: Path | None) -> int:
    """Handle the messages of the channel NAME until a signal says stop.

    A message that is being handled is finished first. Any number may run at once.
    """
    return product().run_channel(name, data=data)
