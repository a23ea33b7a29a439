from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations

from adapters.sql_broker import tables
from tests.adapters.sql_broker.brokers import (
    channel_to,
    declare,
    get_all,
    migrate,
    migration,
    publish,
)


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def test_the_migration_makes_the_tables_that_the_broker_uses(url: str) -> None:
    migrate(url)

    assert _inspected(url, lambda context: compare_metadata(context, tables.metadata)) == []


def test_the_migration_is_a_branch_of_its_own() -> None:
    module = migration()

    assert module.revision == "broker_0001"
    assert module.down_revision is None
    assert module.branch_labels == ("broker",)


def test_the_migration_can_be_taken_back(url: str) -> None:
    migrate(url)

    _inspected(url, lambda _context: migration().downgrade())

    engine = sa.create_engine(url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_file_that_the_broker_made_itself_has_the_tables_of_the_migration(
    sqlite_path: Path, sqlite_url: str
) -> None:
    with channel_to(f"sqlbroker+sqlite://{sqlite_path}"):
        pass

    assert _inspected(sqlite_url, lambda context: compare_metadata(context, tables.metadata)) == []


def test_a_file_that_the_broker_made_itself_can_be_migrated_and_keeps_its_messages(
    sqlite_path: Path, sqlite_url: str
) -> None:
    broker = f"sqlbroker+sqlite://{sqlite_path}"
    with channel_to(broker) as channel:
        declare(channel, "work")
        publish(channel, "work", "a")

    migrate(sqlite_url)

    with channel_to(broker) as channel:
        assert get_all(channel, "work") == ["a"]


def _inspected(url: str, look: Callable[[MigrationContext], object]) -> object:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        with Operations.context(context):
            found = look(context)
    engine.dispose()
    return found
