"""Projections from the command line."""

from pathlib import Path

import click

from app.cli.auditing import auditing
from app.cli.options import acting_options, data_option, json_option
from app.cli.product import Deployment, product
from app.cli.tables import Row, show
from app.identity.audited import Audited
from app.identity.auditing import Deed
from app.messaging.projecting import CompiledProjection
from app.messaging.runtime import Runtime
from ports.errors import NoSuchProjection
from ports.outbound.audit import Actor
from ports.outbound.positions import Position
from ports.outbound.transactions import UnitOfWork


@click.group()
def projection() -> None:
    """Look at projections, and build one anew from the event log."""


@projection.command("list")
@data_option
@json_option
def list_projections(data: Path | None, as_json: bool) -> None:
    """List how far each projection has read."""
    with product().opened(data=data) as deployment:
        rows = [
            _row(context, runtime, projection)
            for context, runtime in deployment.runtimes.items()
            for projection in runtime.projections.all
        ]
    show(rows, as_json=as_json, nothing="there are no projections")


@projection.command()
@click.argument("name")
@acting_options(reason_required=True)
@data_option
def rebuild(name: str, actor: str, reason: str, data: Path | None) -> None:
    """Empty the rows of NAME and read the log from the start, in the background."""
    with product().opened(data=data) as deployment:
        runtime = _owner(deployment, name)
        deed = Deed(
            actor=Actor(name=actor),
            action=Audited.REBUILD_PROJECTION,
            object=f"projection/{name}",
            reason=reason,
        )
        auditing(deployment).in_context(
            runtime.transactions, deed, lambda: runtime.projections.rebuild(name)
        )
    click.echo(f"{name} is being built anew")


def _owner(deployment: Deployment, name: str) -> Runtime:
    """Raises:
    NoSuchProjection
    """
    for runtime in deployment.runtimes.values():
        if any(projection.name == name for projection in runtime.projections.all):
            return runtime
    raise NoSuchProjection(name)


def _row(context: str, runtime: Runtime, projection: CompiledProjection) -> Row:
    def look(unit: UnitOfWork) -> tuple[Position, bool]:
        position = unit.positions.find(projection.name) or Position(
            projection=projection.name, position=0
        )
        return position, unit.events.any_after(projection.streams, position=position.position)

    position, behind = runtime.transactions.once(look)
    return {
        "name": projection.name,
        "context": context,
        "status": position.status.value,
        "position": position.position,
        "behind": behind,
        "advanced_at": position.advanced_at,
        "error": position.error,
    }
