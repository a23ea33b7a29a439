from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sql_broker import tables
from tests.adapters.sql_broker.brokers import migrate


@pytest.fixture
def sqlite_broker_url(tmp_path: Path) -> str:
    return f"sqlbroker+sqlite://{tmp_path}/broker.db"


@pytest.fixture(scope="module")
def migrated_postgres_url(module_postgres_url: str) -> str:
    migrate(module_postgres_url)
    return module_postgres_url


@pytest.fixture
def postgres_broker_url(migrated_postgres_url: str) -> Iterator[str]:
    """The broker of one test; its tables are emptied afterwards."""
    yield f"sqlbroker+{migrated_postgres_url}"
    engine = sa.create_engine(migrated_postgres_url)
    names = [t.name for t in tables.metadata.sorted_tables if t is not tables.topology]
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {', '.join(names)} CASCADE"))
        connection.execute(sa.update(tables.topology).values(version=tables.topology.c.version + 1))
    engine.dispose()
