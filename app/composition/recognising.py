"""Whether the broker's file is the one that this deployment knew, told at start.

A file can be deleted, or an older copy put in its place, while nothing runs. Where one store serves
all contexts nothing is lost by that: the message table has what the file had. Elsewhere it is lost,
and somebody must hear of it.
"""

import sqlite3

import click

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.known_broker import SqlKnownBroker
from adapters.sql.store import SqlStore
from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from adapters.sql_broker.addresses import database_url
from adapters.sql_broker.errors import BrokerConnectionLost
from adapters.sql_broker.sqlite_store import count_start
from adapters.system.time import SystemClock
from app.composition import addresses
from app.composition.channels import sent_to
from app.composition.in_the_way import CannotRun
from app.composition.settings import Settings

_AT_ONCE = 1000


def known_broker(settings: Settings, database: DeploymentDatabase) -> SqlKnownBroker | None:
    """None: the broker is no file."""
    file = addresses.sqlite_file(settings.broker_url)
    return None if file is None else SqlKnownBroker(database, file=str(file))


def recognise_broker(settings: Settings, database: DeploymentDatabase) -> None:
    """Nothing of this deployment runs meanwhile.

    Raises:
        CannotRun: the file cannot be used.
    """
    known = known_broker(settings, database)
    if known is None:
        return
    file = addresses.sqlite_file(settings.broker_url)
    try:
        name, starts = count_start(database_url(settings.broker_url))
    except (sqlite3.DatabaseError, BrokerConnectionLost) as error:
        raise CannotRun(
            f"the broker's file {file} cannot be used: {error}; put a whole one in its place, or "
            "move it away, and the start after that says what it means"
        ) from error
    if known.recognise(name, starts, now=SystemClock().now()):
        return
    if settings.one_store:
        click.echo(
            f"{file} is not the broker's file that this deployment knew: {_release(settings)} "
            "messages leave again from the message table; nothing is lost"
        )
    else:
        click.echo(
            f"WARNING: {file} is not the broker's file that this deployment knew. Messages that it "
            "held and that were not done are lost, because the contexts have stores of their own. "
            "Stop, put the right file back, and start again; or look for what is missing.",
            err=True,
        )


def _release(settings: Settings) -> int:
    """Hand over again what any broker's file had been given: what it was not done with."""
    released = 0
    for context in settings.contexts:
        store = SqlStore(settings.database_url_of(context), context)
        waiting = SqlWaitingDeliveries(store)
        try:
            for channel in sent_to(context):
                while count := waiting.release(channel, seconds=0, limit=_AT_ONCE):
                    released += count
        finally:
            store.close()
    return released
