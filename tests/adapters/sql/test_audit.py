import pytest
import sqlalchemy as sa

from adapters.sql.audit import SqlAuditLog
from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.store import SqlStore
from ports.outbound.audit import AuditLog
from tests.suites.audit_suite import ADA, NOON, AuditLogSuite


class TestSqlAuditLog(AuditLogSuite):
    @pytest.fixture
    def audit_log(self, deployment_engine: sa.Engine) -> AuditLog:
        return SqlAuditLog(DeploymentDatabase(lambda: deployment_engine))


def test_an_entry_is_undone_with_the_work_that_it_tells_of(deployment_engine: sa.Engine) -> None:
    url = deployment_engine.url.set(drivername=deployment_engine.dialect.name)
    store = SqlStore(url.render_as_string(hide_password=False), "backoffice")
    audit_log = SqlAuditLog(DeploymentDatabase(lambda: deployment_engine, stores=[store]))

    unit = store.begin()
    audit_log.record(ADA, "delete", "message/1", at=NOON)
    unit.rollback()
    store.close()

    assert audit_log.newest(limit=10) == []
