from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.support.context_database import OneConnection, migrated_engine, transaction


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('customer_service') / 'thicket.db'}"
    else:
        url = request.getfixturevalue("module_postgres_url")
    with migrated_engine("customer_service", url) as engine:
        yield engine


@pytest.fixture
def connections(engine: sa.Engine) -> Iterator[OneConnection]:
    with transaction(engine) as connections:
        yield connections
