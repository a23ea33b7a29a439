"""What memory could hide: the engine on real databases."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.memory.time import VirtualClock
from adapters.sql.store import SqlStore
from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from adapters.sql.wakeups import SqlWakeUps
from app.testing.flow import Flow, Storage
from tests.adapters.sql.stores import empty, engine_of, prepare
from tests.messaging.nesting import MakeFlow, NestingTests
from tests.messaging.shelves import KEEPERS, keeper_metadata


@pytest.fixture(scope="module")
def sqlite_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return prepared(f"sqlite:///{tmp_path_factory.mktemp('messaging') / 'thicket.db'}")


@pytest.fixture(scope="module")
def postgresql_database(module_postgres_url: str) -> str:
    return prepared(module_postgres_url)


def prepared(url: str) -> str:
    prepare(url)
    with engine_of(url) as engine:
        keeper_metadata.create_all(engine)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_database")
    empty(url)
    with engine_of(url) as engine, engine.connect() as connection:
        connection.exec_driver_sql("DELETE FROM keeper")
    return url


@pytest.fixture
def make_flow(database: str) -> Iterator[MakeFlow]:
    with ExitStack() as opened:

        def make(*, context: str = "testing", **options: Any) -> Flow:
            store = SqlStore(database, context, [KEEPERS])
            wake_ups = SqlWakeUps(database, context)
            opened.callback(store.close)
            opened.callback(wake_ups.close)
            storage = Storage(store=store, waiting=SqlWaitingDeliveries(store), wake_ups=wake_ups)
            # The flow's clock stands still at the present of the database's.
            clock = VirtualClock(datetime.now(UTC))
            return Flow(context=context, storage=storage, clock=clock, **options)

        yield make


class TestNestingOnSqlStores(NestingTests):
    @pytest.fixture
    def make_flow(self, make_flow: MakeFlow) -> MakeFlow:
        return make_flow
