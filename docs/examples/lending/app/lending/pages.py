"""The page of lending."""

from flask import Blueprint, render_template

from app.identity.access import staff
from ports.inbound.buses import QueryBus
from ports.lending.queries import DevicesOutLongest


def lending_blueprint(*, queries: QueryBus) -> Blueprint:
    blueprint = Blueprint("lending", __name__, template_folder="templates")

    @blueprint.get("/lending")
    @staff
    def devices_out() -> str:
        return render_template("lending/devices_out.html", devices=queries.ask(DevicesOutLongest()))

    return blueprint
