import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.sql_broker.registration import register
from tests.adapters.celery_channels.desk import Desk, a_desk
from tests.adapters.celery_channels.worker_under_test import Settings
from tests.support.servers import RabbitMq, fresh_rabbitmq, fresh_redis_database

RABBITMQ, REDIS, SQL = "rabbitmq", "redis", "sql"
BROKERS = (RABBITMQ, REDIS, SQL)
PORTS = {RABBITMQ: 5672, REDIS: 6379}

# The pool that goes with each broker, unless a test says otherwise.
_POOLS = {RABBITMQ: "prefork", REDIS: "threads", SQL: "threads"}

# What a killed worker held comes back after this time, where the broker cannot see that it died.
_QUICKLY: dict[str, dict[str, Any]] = {
    RABBITMQ: {},
    REDIS: {"visibility_timeout": 2},
    SQL: {"lease_seconds": 2},
}


class Desks:
    """Makes channels on any kind of broker; each has queues of its own, gone at its end."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._rabbitmq: RabbitMq | None = None
        self._numbers = itertools.count(1)

    @contextmanager
    def on(self, kind: str, folder: Path, **settings: Any) -> Iterator[Desk]:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            prefix = ""
            match kind:
                case "rabbitmq":
                    # Making a virtual host takes seconds, so there is one for all.
                    if self._rabbitmq is None:
                        self._rabbitmq = self._stack.enter_context(fresh_rabbitmq())
                    url = self._rabbitmq.url
                    prefix = f"{self._rabbitmq.prefix}{next(self._numbers)}"
                case "redis":
                    url = stack.enter_context(fresh_redis_database())
                case _:
                    url = f"sqlbroker+sqlite:///{folder}/broker.db"
            desk = a_desk(
                folder,
                Settings(
                    url=url,
                    folder=str(folder),
                    contexts=(f"{prefix}post", f"{prefix}shop"),
                    options=_QUICKLY[kind],
                    **{"pool": _POOLS[kind], **settings},
                ),
            )
            stack.callback(desk.remove)
            yield desk


@pytest.fixture(scope="session")
def desks() -> Iterator[Desks]:
    register()
    with ExitStack() as stack:
        yield Desks(stack)


@pytest.fixture(params=BROKERS)
def desk(request: pytest.FixtureRequest, desks: Desks, tmp_path: Path) -> Iterator[Desk]:
    """On each broker in turn, with no worker."""
    with desks.on(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def rabbitmq_desk(desks: Desks, tmp_path: Path) -> Iterator[Desk]:
    with desks.on(RABBITMQ, tmp_path) as found:
        yield found


@pytest.fixture(scope="module", params=BROKERS)
def busy_desk(
    request: pytest.FixtureRequest, desks: Desks, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """One worker for all tests of a module, on each broker in turn."""
    with desks.on(request.param, tmp_path_factory.mktemp("desk")) as found, found.worker():
        yield found
