"""What every implementation of the audit log owes."""

from datetime import UTC, datetime, timedelta

import pytest

from ports.outbound.audit import LARGEST_PAGE, LONGEST_REASON, Actor, AuditEntry, AuditLog

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA = Actor(name="Ada", account_id="a-1")


class AuditLogSuite:
    @pytest.fixture
    def audit_log(self) -> AuditLog:
        raise NotImplementedError("a subclass provides the implementation under test")

    def test_what_was_recorded_is_told_in_full(self, audit_log: AuditLog) -> None:
        audit_log.record(
            ADA,
            "failed_message.delete",
            "failed_message/7",
            at=NOON,
            reason="a duplicate, see 'above' <b>",
            details={"channel": "notifications", "count": "1"},
        )

        (entry,) = audit_log.newest(limit=10)

        assert entry == AuditEntry(
            id=entry.id,
            at=NOON,
            actor=ADA,
            action="failed_message.delete",
            object="failed_message/7",
            reason="a duplicate, see 'above' <b>",
            details={"channel": "notifications", "count": "1"},
        )

    def test_pages_lead_from_the_latest_entry_to_the_first(self, audit_log: AuditLog) -> None:
        for number in range(5):
            # Recorded later, happened earlier: the order of recording counts.
            audit_log.record(ADA, "act", f"thing/{number}", at=NOON - timedelta(hours=number))

        first = audit_log.newest(limit=2)
        second = audit_log.newest(limit=2, before=first[-1].id)
        third = audit_log.newest(limit=2, before=second[-1].id)
        last = audit_log.newest(limit=2, before=third[-1].id)

        pages = [[entry.object for entry in page] for page in (first, second, third, last)]
        assert pages == [["thing/4", "thing/3"], ["thing/2", "thing/1"], ["thing/0"], []]

    def test_entries_can_be_narrowed_by_action_and_object(self, audit_log: AuditLog) -> None:
        audit_log.record(ADA, "replay", "message/1", at=NOON)
        audit_log.record(ADA, "delete", "message/1", at=NOON)
        audit_log.record(ADA, "delete", "message/2", at=NOON)

        def found(action: str = "", object: str = "") -> list[tuple[str, str]]:
            entries = audit_log.newest(limit=10, action=action, object=object)
            return [(entry.action, entry.object) for entry in entries]

        assert found(action="delete") == [("delete", "message/2"), ("delete", "message/1")]
        assert found(object="message/1") == [("delete", "message/1"), ("replay", "message/1")]
        assert found(action="replay", object="message/2") == []

    def test_recording_twice_makes_two_entries(self, audit_log: AuditLog) -> None:
        audit_log.record(ADA, "replay", "message/1", at=NOON)
        audit_log.record(ADA, "replay", "message/1", at=NOON)

        assert len(audit_log.newest(limit=10)) == 2

    def test_entries_are_forgotten_oldest_first_and_a_few_at_a_time(
        self, audit_log: AuditLog
    ) -> None:
        for hours in (3, 1, 2, 0):
            audit_log.record(ADA, "act", f"{hours} hours ago", at=NOON - timedelta(hours=hours))

        def left() -> set[str]:
            return {entry.object for entry in audit_log.newest(limit=10)}

        assert audit_log.purge(before=NOON, limit=2) == 2
        assert left() == {"1 hours ago", "0 hours ago"}
        assert audit_log.purge(before=NOON, limit=2) == 1
        assert audit_log.purge(before=NOON, limit=2) == 0
        assert left() == {"0 hours ago"}

    def test_a_page_is_bounded_and_so_is_a_reason(self, audit_log: AuditLog) -> None:
        for _ in range(LARGEST_PAGE + 1):
            audit_log.record(Actor(name="the product"), "act", "thing", at=NOON, reason="r" * 5000)

        entries = audit_log.newest(limit=LARGEST_PAGE * 10)

        assert len(entries) == LARGEST_PAGE
        assert entries[0].reason == "r" * LONGEST_REASON
        assert audit_log.newest(limit=0) == []
