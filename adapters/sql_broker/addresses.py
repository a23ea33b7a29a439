"""Addresses of the broker: ``sqlbroker+sqlite:///path`` and ``sqlbroker+postgresql://…``."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from adapters.sql_broker.errors import BrokerMisconfigured
from adapters.sql_broker.registration import SCHEME

_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}


def database_url(address: str, *, password: str | None = None) -> URL:
    """The database behind an address from which ``sqlbroker+`` was taken off.

    A path is always absolute, with three slashes as with four: a broker whose file depends on the
    folder a process was started in would be two brokers. ``password`` fills in for one that the
    address leaves out.

    Raises:
        BrokerMisconfigured: this is no address of SQLite or PostgreSQL.
    """
    try:
        url = make_url(address.removeprefix(f"{SCHEME}+"))
    except ArgumentError as error:
        # The text of the error would show the whole address, with its password.
        raise BrokerMisconfigured("the broker's address is not a URL") from error.__cause__
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise BrokerMisconfigured(f"the broker needs SQLite or PostgreSQL, not {backend}")
    url = url.set(drivername=_DRIVERS[backend])
    if backend == "postgresql":
        return url.set(password=url.password or password) if password else url
    if not url.database or url.database == ":memory:":
        raise BrokerMisconfigured("the broker needs a file, as in sqlbroker+sqlite:///path/to/file")
    return url.set(database=str(Path("/", url.database.lstrip("/"))))


def broker_address(url: URL, *, hide_password: bool = True) -> str:
    """The address in the form that :func:`database_url` reads; for people and logs by default."""
    if url.get_backend_name() == "sqlite":
        return f"{SCHEME}+sqlite://{url.database}"
    rendered = url.set(drivername="postgresql").render_as_string(hide_password=hide_password)
    return f"{SCHEME}+{rendered}"


def without_password(url: URL) -> str:
    """The address of the database, as :func:`database_url` takes it, with the password left out."""
    bare = URL.create(
        url.get_backend_name(), url.username, None, url.host, url.port, url.database, url.query
    )
    return bare.render_as_string(hide_password=False)
