"""Addresses that lead nowhere, whatever a view would make of them."""

from flask import Flask, abort, request


def set_up_addresses(app: Flask) -> None:
    """An address with a zero character names nothing that is stored: databases refuse to be asked
    for such a text."""
    app.before_request(_refuse_zero_characters)


def _refuse_zero_characters() -> None:
    if "\0" in request.path:
        abort(404)
