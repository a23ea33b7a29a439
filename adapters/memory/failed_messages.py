"""Failed messages in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from ports.errors import NoSuchFailedMessage
from ports.outbound.failed_messages import Attempt, FailedMessage

if TYPE_CHECKING:
    from adapters.memory.store import MemoryUnitOfWork

_ATTEMPTS_SHOWN = 100


class MemoryFailedMessages:
    def __init__(self, unit: "MemoryUnitOfWork") -> None:
        self._unit = unit

    def park(self, failed: FailedMessage) -> None:
        self._unit.write_now()
        self._unit.database.failed_messages.put(self._key(failed.id), failed)

    def take(self, failed_message_id: str) -> FailedMessage:
        self._unit.write_now()
        found = self._existing(failed_message_id, deleted=False)
        self._unit.database.failed_messages.remove(self._key(failed_message_id))
        return found

    def find(self, failed_message_id: str) -> FailedMessage | None:
        return self._unit.database.failed_messages.get(
            self._key(failed_message_id), as_writer=self._unit.writes
        )

    def delete(self, failed_message_id: str, *, at: datetime) -> None:
        self._unit.write_now()
        found = self._existing(failed_message_id, deleted=False)
        self._unit.database.failed_messages.put(
            self._key(failed_message_id), replace(found, deleted_at=at)
        )

    def restore(self, failed_message_id: str) -> None:
        self._unit.write_now()
        found = self._existing(failed_message_id, deleted=True)
        self._unit.database.failed_messages.put(
            self._key(failed_message_id), replace(found, deleted_at=None)
        )

    def oldest(self, *, after: str = "", limit: int) -> Sequence[str]:
        rows = self._unit.database.failed_messages.rows(as_writer=self._unit.writes)
        ids = sorted(
            failed.id
            for (context, _), failed in rows
            if context == self._unit.context and failed.deleted_at is None and failed.id > after
        )
        return ids[:limit]

    def note_attempt(self, failed_message_id: str, attempt: Attempt) -> None:
        self._unit.write_now()
        key = self._key(failed_message_id)
        noted = self._unit.database.attempts.get(key, as_writer=True) or ()
        self._unit.database.attempts.put(key, (*noted, attempt)[-_ATTEMPTS_SHOWN:])

    def attempts(self, failed_message_id: str) -> Sequence[Attempt]:
        key = self._key(failed_message_id)
        return self._unit.database.attempts.get(key, as_writer=self._unit.writes) or ()

    def _existing(self, failed_message_id: str, *, deleted: bool) -> FailedMessage:
        found = self._unit.database.failed_messages.get(
            self._key(failed_message_id), as_writer=True
        )
        if found is None or (found.deleted_at is not None) is not deleted:
            raise NoSuchFailedMessage(failed_message_id, deleted=deleted)
        return found

    def _key(self, failed_message_id: str) -> tuple[str, str]:
        return (self._unit.context, failed_message_id)
