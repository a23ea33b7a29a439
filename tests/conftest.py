"""Fixtures for every test: databases and brokers that belong to the test alone.

``module_…`` fixtures are made once per test module and cheaper; the plain ones are fresh per test.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import (
    RabbitMq,
    fresh_postgres_database,
    fresh_rabbitmq,
    fresh_redis_database,
)

pytest_plugins = ["tests.support.browser"]
# A failing assertion of a suite shows its values, as those in test files do.
pytest.register_assert_rewrite("tests.suites")


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty PostgreSQL database for one test."""
    with fresh_postgres_database() as url:
        yield url


@pytest.fixture(scope="module")
def module_postgres_url() -> Iterator[str]:
    """One PostgreSQL database for all tests of a module, empty at its first test."""
    with fresh_postgres_database() as url:
        yield url


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    """Where a test may put its SQLite file; nothing is there yet."""
    return tmp_path / "thicket.db"


@pytest.fixture
def sqlite_url(sqlite_path: Path) -> str:
    return f"sqlite:///{sqlite_path}"


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[RabbitMq]:
    """A place on RabbitMQ for one test module; use ``rabbitmq.prefix`` in all names."""
    with fresh_rabbitmq() as place:
        yield place


@pytest.fixture(scope="module")
def rabbitmq_url(rabbitmq: RabbitMq) -> str:
    return rabbitmq.url


@pytest.fixture
def redis_url() -> Iterator[str]:
    """An empty numbered Redis database for one test."""
    with fresh_redis_database() as url:
        yield url
