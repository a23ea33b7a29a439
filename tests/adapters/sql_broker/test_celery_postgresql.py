from collections.abc import Iterator

import psycopg
import pytest

from tests.adapters.sql_broker.brokers import channel_to, migrate
from tests.adapters.sql_broker.celery_suite import (
    POOLS,
    RunningWorkerSuite,
    WorkerLifeSuite,
    messages_of_tasks,
)
from tests.adapters.sql_broker.workers import running_worker
from tests.support.servers import fresh_postgres_database
from tests.support.waiting import wait_until


class TestRunningWorkerOnPostgresql(RunningWorkerSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls) -> Iterator[str]:
        with fresh_postgres_database() as database_url:
            migrate(database_url)
            # The test server trusts everybody, so the password only shows where passwords get to.
            yield "sqlbroker+" + database_url.replace("@", ":not-for-eyes@", 1)


class TestWorkerLifeOnPostgresql(WorkerLifeSuite):
    @pytest.fixture
    def url(self, postgres_broker_url: str) -> str:
        return postgres_broker_url

    def test_a_worker_that_loses_its_connections_goes_on_and_repeats_nothing(
        self, url: str, migrated_postgres_url: str
    ) -> None:
        with running_worker(url, *POOLS["threads"]) as worker:
            worker.send("before", seconds=2)
            wait_until(
                lambda: worker.lines("began") == ["before"], limit_s=30, what="the task to begin"
            )

            with psycopg.connect(migrated_postgres_url) as admin:
                ended = admin.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                ).fetchone()
            assert ended is not None
            assert ended[0] >= 2

            wait_until(
                lambda: worker.lines("ended") == ["before"], limit_s=30, what="the task to end"
            )
            worker.send("after")
            wait_until(lambda: "after" in worker.lines("ended"), limit_s=30, what="the next task")

            assert worker.process.poll() is None
            assert worker.lines("began") == ["before", "after"]
            with channel_to(url) as channel:
                wait_until(lambda: messages_of_tasks(channel) == 0, what="the acknowledgements")
