"""Real servers for tests: present, skipped on a laptop, or a failure in CI.

Everything handed out is the caller's alone: a database, virtual host or database number with a
name that no other test run and no parallel worker uses, gone when the context manager ends.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import NoReturn, cast
from urllib.parse import quote, urlsplit, urlunsplit

import amqp
import pytest
import redis

import bench.servers
from bench.servers import POSTGRES_URL, RABBITMQ_URL, postgresql_database
from soak.servers import ServerIsMissing, require_programs
from tests.support.waiting import wait_until

REDIS_URL = "THICKET_TEST_REDIS_URL"

_DEFAULTS = {
    POSTGRES_URL: "postgresql://postgres@127.0.0.1:5432/postgres",
    RABBITMQ_URL: "amqp://guest:guest@127.0.0.1:5672//",
    REDIS_URL: "redis://127.0.0.1:6379/0",
}
_CONNECT_TIMEOUT_S = 5
_REDIS_CLAIM_TTL_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class RabbitMq:
    """A place on a RabbitMQ server that belongs to one test module.

    ``isolated`` is true when ``url`` leads to a virtual host of its own. Where such a host cannot
    be made the server's own is used; tests that start every queue and exchange name with
    ``prefix`` are safe either way.
    """

    url: str
    prefix: str
    isolated: bool


def server_url(variable: str) -> str:
    return os.environ.get(variable) or _DEFAULTS[variable]


def unique_name() -> str:
    """A name for a database or virtual host; the process id shows whose leftovers they are."""
    return f"thicket_test_{os.getpid()}_{secrets.token_hex(4)}"


@contextmanager
def fresh_postgres_database() -> Iterator[str]:
    """Yield the URL (``postgresql://…``) of an empty database and drop it at the end.

    Connections that a test left open are cut, so that dropping never waits for them.
    """
    with ExitStack() as opened:
        try:
            url = opened.enter_context(postgresql_database(named="thicket_test"))
        except bench.servers.ServerIsMissing as error:
            _missing("PostgreSQL", POSTGRES_URL, error)
        yield url


@contextmanager
def fresh_rabbitmq() -> Iterator[RabbitMq]:
    """Yield a virtual host that is deleted at the end, or a bare prefix where none can be made."""
    url = server_url(RABBITMQ_URL)
    _require_rabbitmq(url)
    name = unique_name()
    user = urlsplit(url).username or "guest"
    if not _rabbitmqctl("add_vhost", name):
        yield RabbitMq(url=url, prefix=f"{name}.", isolated=False)
        return
    try:
        if not _rabbitmqctl("set_permissions", "-p", name, user, ".*", ".*", ".*"):
            pytest.fail(f"rabbitmqctl made the virtual host {name} but gave {user} no rights on it")
        fresh = urlunsplit(urlsplit(url)._replace(path=f"/{quote(name, safe='')}"))
        yield RabbitMq(url=fresh, prefix=f"{name}.", isolated=True)
    finally:
        _rabbitmqctl("delete_vhost", name)


@contextmanager
def fresh_redis_database() -> Iterator[str]:
    """Yield the URL of an empty numbered database that no other test run uses meanwhile.

    The numbers in use are marked by keys in the database that the configured URL names; that one is
    never handed out and never flushed. A mark ends by itself after 15 minutes.
    """
    url = server_url(REDIS_URL)
    with redis.Redis.from_url(url, socket_connect_timeout=_CONNECT_TIMEOUT_S) as marks:
        try:
            marks.ping()
        except redis.ConnectionError as error:
            _missing("Redis", REDIS_URL, error)
        number = _claim_redis_number(marks, own=int(urlsplit(url).path.strip("/") or 0))
        fresh = urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
        try:
            with redis.Redis.from_url(fresh) as database:
                database.flushdb()
                try:
                    yield fresh
                finally:
                    database.flushdb()
        finally:
            marks.delete(_redis_mark(number))


def require_server_programs() -> None:
    """PostgreSQL and RabbitMQ are installed, for private servers to be started and killed."""
    try:
        require_programs()
    except ServerIsMissing as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def _missing(server: str, variable: str, error: BaseException) -> NoReturn:
    message = f"{server} cannot be reached at the address in {variable}, or its default: {error}"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def _require_rabbitmq(url: str) -> None:
    parts = urlsplit(url)
    connection = amqp.Connection(
        host=f"{parts.hostname}:{parts.port or 5672}",
        userid=parts.username or "guest",
        password=parts.password or "guest",
        connect_timeout=_CONNECT_TIMEOUT_S,
    )
    try:
        connection.connect()
    except (OSError, amqp.AMQPError) as error:
        _missing("RabbitMQ", RABBITMQ_URL, error)
    connection.close()


def _rabbitmqctl(*arguments: str) -> bool:
    """Tell whether the command could be run and succeeded; only root on the server's host can."""
    program = shutil.which("rabbitmqctl")
    if program is None:
        return False
    done = subprocess.run(
        [program, "--quiet", *arguments], capture_output=True, timeout=60, check=False
    )
    return done.returncode == 0


def _redis_mark(number: int) -> str:
    return f"thicket_test:database:{number}"


def _claim_redis_number(marks: redis.Redis, *, own: int) -> int:
    setting = cast(dict[str, str], marks.config_get("databases"))
    candidates = [number for number in range(int(setting["databases"])) if number != own]
    claimed: list[int] = []

    def claim_one() -> bool:
        for number in candidates:
            if marks.set(_redis_mark(number), os.getpid(), nx=True, ex=_REDIS_CLAIM_TTL_S):
                claimed.append(number)
                return True
        return False

    wait_until(claim_one, limit_s=120, what="a numbered Redis database that nobody uses")
    return claimed[0]
