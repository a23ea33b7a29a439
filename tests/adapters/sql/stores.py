"""The stores in SQL, for the suites and for tests of their own."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sql.columns import id_text
from adapters.sql.engines import Limits, open_engine, store_url
from adapters.sql.migrating import migrate
from adapters.sql.repositories import RecordMapping
from adapters.sql.store import SqlStore
from adapters.sql.tables import runtime_metadata
from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from ports.outbound.telemetry import Tracer
from ports.outbound.transactions import Store
from tests.suites.repository_suite import CRATE, Crate
from tests.suites.store_fixtures import MakeTimePass, WaitingIn

LEASE = timedelta(seconds=30)

crate_metadata = sa.MetaData()
crate_table = sa.Table(
    "crate",
    crate_metadata,
    sa.Column("crate_id", id_text(), primary_key=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("stops", sa.JSON, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)


def _to_row(crate: Crate) -> Mapping[str, Any]:
    return {"crate_id": crate.crate_id, "address": crate.address, "stops": crate.stops}


def _from_row(row: Mapping[str, Any]) -> Crate:
    return Crate(crate_id=row["crate_id"], address=row["address"], stops=row["stops"])


CRATES = RecordMapping(
    aggregate=CRATE,
    table=crate_table,
    identifier="crate_id",
    to_row=_to_row,
    from_row=_from_row,
)


def prepare(url: str) -> None:
    """All tables that the tests need."""
    migrate("runtime", url)
    with engine_of(url) as engine:
        crate_metadata.create_all(engine)
        if engine.dialect.name == "postgresql":
            with engine.connect() as connection:
                # What is tested here does not depend on the disk, and waits for it a lot.
                name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
                connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")


@contextmanager
def engine_of(url: str) -> Iterator[sa.Engine]:
    engine = open_engine(store_url(url), Limits(), pooled=False)
    try:
        yield engine
    finally:
        engine.dispose()


def empty(url: str) -> None:
    tables = [*runtime_metadata.tables, *crate_metadata.tables]
    with engine_of(url) as engine, engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        for table in tables:
            connection.exec_driver_sql(f"DELETE FROM {table}")
        connection.exec_driver_sql("COMMIT")


def a_store(url: str, context: str = "post", *, tracer: Tracer | None = None) -> SqlStore:
    return SqlStore(url, context, [CRATES], tracer, limits=Limits(connections=4, overflow=8))


def let_time_pass(url: str, by: timedelta) -> None:
    """Shift what is stored into the past."""
    seconds = by.total_seconds()
    shifted = {
        "runtime_message": (
            "created_at",
            "due_at",
            "available_at",
            "expires_at",
            "claimed_until",
        ),
        "runtime_wake_up": ("woken_at",),
        "runtime_delivery": ("updated_at",),
    }
    with engine_of(url) as engine, engine.connect() as connection:
        for table, columns in shifted.items():
            for column in columns:
                earlier = (
                    f"{column} - make_interval(secs => {seconds})"
                    if engine.dialect.name == "postgresql"
                    else f"strftime('%Y-%m-%d %H:%M:%f000', {column}, '-{seconds} seconds')"
                )
                connection.exec_driver_sql(f"UPDATE {table} SET {column} = {earlier}")


class SqlFixtures:
    """A subclass provides the address of a migrated and empty database."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError("a subclass provides the database")

    @pytest.fixture
    def store(self, url: str) -> Iterator[SqlStore]:
        with closing(a_store(url)) as store:
            yield store

    @pytest.fixture
    def another_store(self, url: str) -> Iterator[SqlStore]:
        with closing(a_store(url, "customs")) as store:
            yield store

    @pytest.fixture
    def make_time_pass(self, url: str) -> MakeTimePass:
        return lambda by: let_time_pass(url, by)

    @pytest.fixture
    def waiting_in(self) -> WaitingIn:
        def waiting_in(store: Store) -> SqlWaitingDeliveries:
            assert isinstance(store, SqlStore)
            return SqlWaitingDeliveries(store, lease=LEASE)

        return waiting_in

    @pytest.fixture
    def lease(self) -> timedelta:
        return LEASE


class SqliteFixtures(SqlFixtures):
    @pytest.fixture(scope="module")
    @staticmethod
    def prepared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
        url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'thicket.db'}"
        prepare(url)
        return url

    @pytest.fixture
    def url(self, prepared_sqlite: str) -> str:
        empty(prepared_sqlite)
        return prepared_sqlite


class PostgresqlFixtures(SqlFixtures):
    @pytest.fixture(scope="module")
    @staticmethod
    def prepared_postgresql(module_postgres_url: str) -> str:
        prepare(module_postgres_url)
        return module_postgres_url

    @pytest.fixture
    def url(self, prepared_postgresql: str) -> str:
        empty(prepared_postgresql)
        return prepared_postgresql
