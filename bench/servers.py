"""Places on real servers that belong to one figure: made for it, dropped after it.

The addresses are those that the tests use.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import amqp
import psycopg
from psycopg import sql

POSTGRES_URL = "THICKET_TEST_POSTGRES_URL"
RABBITMQ_URL = "THICKET_TEST_RABBITMQ_URL"

_DEFAULTS = {
    POSTGRES_URL: "postgresql://postgres@127.0.0.1:5432/postgres",
    RABBITMQ_URL: "amqp://guest:guest@127.0.0.1:5672//",
}
_CONNECT_TIMEOUT_S = 5


class ServerIsMissing(Exception):
    pass


class NoPlaceOfItsOwn(ServerIsMissing):
    """It is there, but queues of others live where ours would."""


@contextmanager
def postgresql_database(*, named: str = "thicket_bench") -> Iterator[str]:
    """The URL of an empty database, whose name begins so. Connections left open are cut at the end.

    Raises:
        ServerIsMissing
    """
    url = _address(POSTGRES_URL)
    name = _unique_name(named)
    try:
        admin = psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S)
    except psycopg.OperationalError as error:
        raise _missing("PostgreSQL", POSTGRES_URL, error) from error
    with admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            admin.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


@contextmanager
def rabbitmq_host() -> Iterator[str]:
    """The URL of a virtual host of its own.

    Raises:
        ServerIsMissing
        NoPlaceOfItsOwn: only root on the server's machine can make one.
    """
    url = _address(RABBITMQ_URL)
    _require_rabbitmq(url)
    name = _unique_name("thicket_bench")
    user = urlsplit(url).username or "guest"
    try:
        _rabbitmqctl("add_vhost", name)
        _rabbitmqctl("set_permissions", "-p", name, user, ".*", ".*", ".*")
    except (OSError, subprocess.SubprocessError) as error:
        raise NoPlaceOfItsOwn(f"no virtual host can be made on RabbitMQ: {error}") from error
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{quote(name, safe='')}"))
    finally:
        _rabbitmqctl("delete_vhost", name)


def server_versions() -> dict[str, str]:
    """Of those servers that answer."""
    found: dict[str, str] = {}
    with (
        suppress(psycopg.OperationalError),
        psycopg.connect(_address(POSTGRES_URL), connect_timeout=_CONNECT_TIMEOUT_S) as connection,
    ):
        found["PostgreSQL"] = str(connection.info.server_version // 10_000)
    with suppress(ServerIsMissing):
        found["RabbitMQ"] = _require_rabbitmq(_address(RABBITMQ_URL))
    return found


def _address(variable: str) -> str:
    return os.environ.get(variable) or _DEFAULTS[variable]


def _unique_name(beginning: str) -> str:
    """The process id shows whose leftovers they are."""
    return f"{beginning}_{os.getpid()}_{secrets.token_hex(4)}"


def _missing(server: str, variable: str, error: BaseException) -> ServerIsMissing:
    reason = " ".join(str(error).split())
    return ServerIsMissing(
        f"{server} cannot be reached at the address in {variable}, or its default: {reason}"
    )


def _require_rabbitmq(url: str) -> str:
    """Its version."""
    parts = urlsplit(url)
    # The published types of py-amqp know less than half of it.
    connection: Any = amqp.Connection(
        host=f"{parts.hostname}:{parts.port or 5672}",
        userid=parts.username or "guest",
        password=parts.password or "guest",
        connect_timeout=_CONNECT_TIMEOUT_S,
    )
    try:
        connection.connect()
    except (OSError, amqp.AMQPError) as error:
        raise _missing("RabbitMQ", RABBITMQ_URL, error) from error
    version = str(connection.server_properties.get("version", ""))
    connection.close()
    return version


def _rabbitmqctl(*arguments: str) -> None:
    program = shutil.which("rabbitmqctl")
    if program is None:
        raise FileNotFoundError("there is no rabbitmqctl here")
    subprocess.run([program, "--quiet", *arguments], capture_output=True, timeout=60, check=True)
