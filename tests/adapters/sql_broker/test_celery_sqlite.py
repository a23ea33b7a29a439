import pytest

from tests.adapters.sql_broker.celery_suite import RunningWorkerSuite, WorkerLifeSuite


class TestRunningWorkerOnSqlite(RunningWorkerSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, tmp_path_factory: pytest.TempPathFactory) -> str:
        return f"sqlbroker+sqlite://{tmp_path_factory.mktemp('broker')}/broker.db"


class TestWorkerLifeOnSqlite(WorkerLifeSuite):
    @pytest.fixture
    def url(self, sqlite_broker_url: str) -> str:
        return sqlite_broker_url
