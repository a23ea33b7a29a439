"""Says when everything is really up: ``python -m app.composition.announcing SUPERVISOR``.

A child of the supervisor that looks at it from outside and ends as soon as there is nothing left to
say.
"""

import os
import sys
import time
from collections.abc import Sequence
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

import click

from app.composition.control import Control
from app.composition.environment import read_settings
from app.composition.in_the_way import CannotRun
from app.composition.settings import Settings
from app.composition.tethering import end_with
from app.composition.values import local_address

LIMIT_S = 90.0
_EVERY_S = 0.2
_REQUEST_LIMIT_S = 2.0


def announce(settings: Settings, *, limit_s: float = LIMIT_S) -> bool:
    """Print the addresses once every process runs and the pages say that they are ready.

    False: it did not come to that within the limit; what is missing was printed.
    """
    deadline = time.monotonic() + limit_s
    control = Control(settings.data)
    missing: Sequence[str] = ()
    while time.monotonic() < deadline:
        missing = what_is_missing(control, settings)
        if not missing:
            click.echo("\n".join(addresses(settings)))
            return True
        if any("fatal" in reason for reason in missing):
            break
        time.sleep(_EVERY_S)
    click.echo(
        f"thicket: not everything came up ({'; '.join(missing)}); the reasons are above", err=True
    )
    return False


def what_is_missing(control: Control, settings: Settings) -> Sequence[str]:
    try:
        processes = control.processes()
    except CannotRun as error:
        return (str(error),)
    stopped = [f"{one.name} is {one.state}" for one in processes if one.state != "running"]
    return stopped or _unready_pages(settings)


def addresses(settings: Settings) -> Sequence[str]:
    lines = [
        "",
        "Thicket is up.",
        f"  Report an issue  {settings.public_url}/",
        f"  Sign in          {settings.public_url}/sign-in (operator {settings.operator_email})",
        f"  Operations       {settings.public_url}/operations/",
    ]
    if settings.mail_catcher:
        lines.append(f"  Mailbox          {settings.public_url}/mailbox")
    if settings.flower:
        lines.append(
            f"  Flower           {settings.flower_url}/ (password: see the operations pages)"
        )
    return [*lines, "Ctrl-C stops everything.", ""]


def _unready_pages(settings: Settings) -> Sequence[str]:
    address = f"{local_address(settings.bind, settings.port)}/healthz/ready"
    # A proxy that the environment names is not the way to this machine.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(address, timeout=_REQUEST_LIMIT_S):
            return ()
    except HTTPError as error:
        return (f"{address} answers {error.code}",)
    except (URLError, HTTPException, OSError) as error:
        return (f"{address} does not answer: {error}",)


if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    try:
        announce(read_settings())
    except KeyboardInterrupt:
        os._exit(0)
