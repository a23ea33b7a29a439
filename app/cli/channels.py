"""Channels from the command line."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from app.cli.auditing import auditing
from app.cli.options import acting_options, data_option, json_option
from app.cli.product import Deployment, product
from app.cli.tables import Row, show
from app.identity.audited import Audited
from app.identity.auditing import Deed
from app.messaging.removed_channels import by_name
from ports.errors import ChannelIsDeclared
from ports.outbound.audit import Actor
from ports.outbound.message_table import RemovedChannel

REMOVED = "removed: no endpoint declares it"


@click.group()
def channel() -> None:
    """Look at channels, work one off by itself, and empty one that was removed."""


@channel.command("list")
@data_option
@json_option
def list_channels(data: Path | None, as_json: bool) -> None:
    """List the channels with what waits in the broker, their kinds and retries, and removed ones
    for which messages wait."""
    with product().opened(data=data) as deployment:
        depths = _depths(deployment)
        rows: list[Row] = [
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
        removed = _removed(deployment)
        if removed or as_json:
            rows = [{**row, "in_table": None, "oldest_at": None} for row in rows]
        rows += [_removed_row(found) for found in removed]
    show(rows, as_json=as_json, nothing="there are no channels")


@channel.command()
@click.argument("name")
@acting_options(reason_required=True)
@data_option
def reject(name: str, actor: str, reason: str, data: Path | None) -> None:
    """Make failed messages of all that waits for NAME, a channel that was removed.

    Each can be replayed to where its endpoint is now. Killed midway, it goes on with what is left
    when it is called again. Workers and relays of the release before must have ended.
    """
    with product().opened(data=data) as deployment:
        holding = [
            runtime
            for runtime in deployment.runtimes.values()
            if any(found.channel == name for found in runtime.removed_channels.all())
        ]
        known = any(name in one.removed_channels.known for one in deployment.runtimes.values())
        if known and not holding:
            raise ChannelIsDeclared(name)
        if not holding:
            click.echo(f"nothing waits for {name}")
            return
        rejected = 0
        for runtime in holding:
            deed = Deed(
                actor=Actor(name=actor),
                action=Audited.REJECT_CHANNEL,
                object=f"channel/{name}",
                reason=reason,
                details={"context": runtime.context},
            )
            rejected += auditing(deployment).elsewhere(
                deed, partial(runtime.removed_channels.reject, name, actor=actor, reason=reason)
            )
        left = sum(found.count for found in _removed(deployment) if found.channel == name)
    click.echo(f"became failed messages: {rejected}")
    if left:
        click.echo(f"held by a relay, or sent meanwhile: {left}; call again in half a minute")


def _removed(deployment: Deployment) -> Sequence[RemovedChannel]:
    return by_name(
        found
        for runtime in deployment.runtimes.values()
        for found in runtime.removed_channels.all()
    )


def _removed_row(found: RemovedChannel) -> Row:
    return {
        "name": found.channel,
        "kind": REMOVED,
        "in_broker": None,
        "instant_retries": None,
        "delayed_retries": None,
        "prioritised": None,
        "time_limit_seconds": None,
        "in_table": found.count,
        "oldest_at": found.oldest_at,
    }


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
