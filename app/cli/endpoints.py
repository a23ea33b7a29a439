"""What handles which message."""

from pathlib import Path

import click

from app.cli.options import data_option, json_option
from app.cli.product import product
from app.cli.tables import show


@click.command()
@data_option
@json_option
def endpoints(data: Path | None, as_json: bool) -> None:
    """List every handler with what it handles, its channel, and where it stands."""
    with product().opened(data=data, reads_data=False) as deployment:
        rows = [
            {
                "id": endpoint.id,
                "context": context,
                "kind": endpoint.kind.value,
                "handles": ", ".join(
                    [
                        *(payload.__name__ for payload in endpoint.payload_types),
                        *([endpoint.routing_key] if endpoint.routing_key else []),
                    ]
                ),
                "channel": endpoint.channel,
                "outside": endpoint.outside,
                "where": endpoint.where,
            }
            for context, runtime in deployment.runtimes.items()
            for endpoint in runtime.endpoints.values()
        ]
    show(rows, as_json=as_json, nothing="there are no endpoints")
