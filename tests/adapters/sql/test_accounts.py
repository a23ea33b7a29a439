import select
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from adapters.memory.time import VirtualClock
from adapters.sql.account_tables import account, account_token, session
from adapters.sql.accounts import SqlAccounts
from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.engines import Limits, open_engine, store_url
from adapters.sql.migrating import RUNTIME, migrate
from adapters.sql.sessions import SqlSessions
from adapters.sql.store import SqlStore
from ports.errors import StoreUnavailable
from ports.outbound.accounts import EmailIsTaken, Role
from tests.suites.accounts_suite import AccountsSuite, TokensSuite
from tests.suites.identity import LIFETIMES, Identity
from tests.suites.sessions_suite import SessionsSuite
from tests.support.deployment_databases import migrated_engine
from tests.support.waiting import wait_until


def identity_on(database: DeploymentDatabase) -> Identity:
    clock = VirtualClock()
    return Identity(
        accounts=SqlAccounts(database, clock=clock),
        sessions=SqlSessions(database, clock=clock, lifetimes=LIFETIMES),
        clock=clock,
    )


class _OnSql:
    @pytest.fixture
    def identity(self, deployment_engine: sa.Engine) -> Identity:
        return identity_on(DeploymentDatabase(lambda: deployment_engine))


class TestSqlAccounts(_OnSql, AccountsSuite):
    pass


class TestSqlTokens(_OnSql, TokensSuite):
    pass


class TestSqlSessions(_OnSql, SessionsSuite):
    pass


def test_tokens_are_kept_as_digests_only(deployment_engine: sa.Engine) -> None:
    identity = identity_on(DeploymentDatabase(lambda: deployment_engine))
    identity.open_ada()

    secrets = {identity.sign_in(), identity.invite()}

    with deployment_engine.connect() as connection:
        kept = {
            str(value)
            for table in (account, account_token, session)
            for row in connection.execute(sa.select(table))
            for value in row
        }
    assert kept
    assert not any(secret in text for secret in secrets for text in kept)


def test_a_request_right_after_another_writes_nothing(deployment_engine: sa.Engine) -> None:
    identity = identity_on(DeploymentDatabase(lambda: deployment_engine))
    identity.open_ada()
    token = identity.sign_in()
    statements: list[str] = []
    sa.event.listen(
        deployment_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
        named=False,
    )

    identity.sessions.find(token)

    assert len(statements) == 1
    assert statements[0].startswith("SELECT")


@pytest.fixture
def store(deployment_engine: sa.Engine) -> Iterator[SqlStore]:
    """A context in the same database."""
    url = deployment_engine.url.set(drivername=deployment_engine.dialect.name)
    store = SqlStore(url.render_as_string(hide_password=False), "backoffice")
    yield store
    store.close()


def test_suspending_joins_a_unit_of_work_on_the_same_database(
    deployment_engine: sa.Engine, store: SqlStore
) -> None:
    alone = identity_on(DeploymentDatabase(lambda: deployment_engine))
    joining = identity_on(DeploymentDatabase(lambda: deployment_engine, stores=[store]))
    alone.open_ada()
    token = alone.sign_in()

    unit = store.begin()
    joining.accounts.suspend("a-1")
    assert joining.sessions.find(token) is None
    assert alone.sessions.find(token) is not None
    unit.rollback()
    assert alone.sessions.find(token) is not None

    unit = store.begin()
    joining.accounts.suspend("a-1")
    unit.commit()
    assert alone.sessions.find(token) is None


def test_a_unit_of_work_on_another_database_is_not_joined(
    deployment_engine: sa.Engine, tmp_path: Path
) -> None:
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    migrate(RUNTIME, elsewhere)
    other = SqlStore(elsewhere, "backoffice")
    identity = identity_on(DeploymentDatabase(lambda: deployment_engine, stores=[other]))
    identity.open_ada()

    unit = other.begin()
    identity.accounts.suspend("a-1")
    unit.rollback()
    other.close()

    ada = identity.accounts.find("a-1")
    assert ada is not None
    assert not ada.active


def test_reading_for_a_query_is_no_transaction_to_join(
    deployment_engine: sa.Engine, store: SqlStore
) -> None:
    identity = identity_on(DeploymentDatabase(lambda: deployment_engine, stores=[store]))

    with store.reading():
        identity.open_ada()

    assert identity.accounts.find("a-1") is not None


def test_a_refusal_leaves_the_unit_of_work_usable(
    deployment_engine: sa.Engine, store: SqlStore
) -> None:
    identity = identity_on(DeploymentDatabase(lambda: deployment_engine, stores=[store]))
    identity.open_ada()

    unit = store.begin()
    identity.accounts.open("a-2", email="bob@example.com", display_name="", role=Role.EMPLOYEE)
    with pytest.raises(EmailIsTaken):
        identity.accounts.open("a-3", email="ada@example.com", display_name="", role=Role.EMPLOYEE)
    unit.commit()

    assert identity.accounts.find("a-2") is not None
    assert identity.accounts.find("a-3") is None


def test_connections_that_the_server_closed_are_replaced_unnoticed(
    module_postgres_url: str,
) -> None:
    with migrated_engine(module_postgres_url) as engine:
        identity = identity_on(DeploymentDatabase(lambda: engine))
        assert identity.accounts.find("a-9") is None
        pooled = engine.raw_connection()
        assert isinstance(pooled.driver_connection, psycopg.Connection)
        line = select.poll()
        line.register(pooled.driver_connection.fileno(), select.POLLRDHUP)
        pooled.close()  # back into the pool
        with psycopg.connect(module_postgres_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        wait_until(lambda: line.poll(0), what="the server to hang up")

        assert identity.accounts.find("a-9") is None


def test_a_database_that_is_away_is_said_without_repeating_what_was_asked() -> None:
    url = "postgresql://nobody@127.0.0.1:1/thicket"
    engine = open_engine(store_url(url), Limits(connect_timeout_s=1), pooled=False)
    identity = identity_on(DeploymentDatabase(lambda: engine))

    with pytest.raises(StoreUnavailable) as caught:
        identity.accounts.find_by_email("ada@example.com")

    assert "ada" not in str(caught.value)
    assert "ada" not in str(caught.value.__cause__)
