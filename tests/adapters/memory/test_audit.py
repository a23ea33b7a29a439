import pytest

from adapters.memory.audit import MemoryAuditLog
from ports.outbound.audit import AuditLog
from tests.suites.audit_suite import AuditLogSuite


class TestMemoryAuditLog(AuditLogSuite):
    @pytest.fixture
    def audit_log(self) -> AuditLog:
        return MemoryAuditLog()
