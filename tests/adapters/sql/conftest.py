"""Fixtures that several tests of SQL adapters share."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from _pytest.fixtures import FixtureRequest

from adapters.sql.deployment import DeploymentDatabase
from tests.support.deployment_databases import empty, migrated_engine
from tests.support.monitoring_databases import monitoring_engine


@pytest.fixture(scope="module")
def _deployment_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    folder = tmp_path_factory.mktemp("deployment")
    with migrated_engine(f"sqlite:///{folder / 'thicket.db'}") as engine:
        yield engine


@pytest.fixture(scope="module")
def _deployment_on_postgresql(module_postgres_url: str) -> Iterator[sa.Engine]:
    with migrated_engine(module_postgres_url) as engine:
        yield engine


@pytest.fixture(params=["sqlite", "postgresql"])
def deployment_engine(request: FixtureRequest) -> sa.Engine:
    """The tables of a deployment, empty; each test runs once on every kind of database."""
    engine: sa.Engine = request.getfixturevalue(f"_deployment_on_{request.param}")
    empty(engine)
    return engine


@pytest.fixture(params=["sqlite", "postgresql"])
def monitoring_database(request: FixtureRequest) -> Iterator[DeploymentDatabase]:
    """The tables of spans and caught mails, empty."""
    if request.param == "sqlite":
        url = f"sqlite:///{request.getfixturevalue('tmp_path') / 'monitoring.db'}"
    else:
        url = request.getfixturevalue("module_postgres_url")
    with monitoring_engine(url) as engine:
        yield DeploymentDatabase(lambda: engine)
