"""The pages of the console, put together."""

from flask import Blueprint

from app.operations.bulk_actions import add_bulk_actions
from app.operations.channels import add_channels
from app.operations.console import Console
from app.operations.consumers import add_consumers
from app.operations.failed_actions import add_failed_actions
from app.operations.failed_lists import add_failed_lists
from app.operations.failed_page import add_failed_page
from app.operations.overview import add_overview
from app.operations.progress import add_jobs
from app.operations.projections import add_projections
from app.operations.traces import add_traces


def operations_blueprint(console: Console) -> Blueprint:
    blueprint = Blueprint(
        "operations", __name__, url_prefix="/operations", template_folder="templates"
    )
    add_overview(blueprint, console=console)
    add_failed_lists(blueprint, console=console)
    add_bulk_actions(blueprint, console=console)
    add_failed_page(blueprint, console=console)
    add_failed_actions(blueprint, console=console)
    add_jobs(blueprint, console=console)
    add_projections(blueprint, console=console)
    add_channels(blueprint, console=console)
    add_consumers(blueprint, console=console)
    add_traces(blueprint, console=console)
    return blueprint
