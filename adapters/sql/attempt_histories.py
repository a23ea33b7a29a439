"""Forgets what was noted about messages that failed once and got through after all."""

from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.sql.statements import Kind, statement

if TYPE_CHECKING:
    from adapters.sql.store import SqlStore

_OWNER = {"context": Kind.TEXT, "tenant": Kind.TEXT}
# Goes along the index in its order, so that it looks at no more than it returns. Age alone would
# find what waits for an operator first, and look at all of it every time.
NEXT_HISTORIES = statement(
    "SELECT runtime_attempt runtime_failed_message",
    "SELECT noted.failed_message_id, CASE WHEN max(noted.at) < {now + :seconds} AND NOT EXISTS ("
    "SELECT 1 FROM runtime_failed_message AS failed WHERE failed.context = :context "
    "AND failed.tenant = :tenant AND failed.id = noted.failed_message_id"
    ") THEN 1 ELSE 0 END FROM runtime_attempt AS noted WHERE noted.context = :context "
    "AND noted.tenant = :tenant AND noted.failed_message_id > :after "
    "GROUP BY noted.failed_message_id ORDER BY noted.failed_message_id LIMIT :limit",
    parameters={**_OWNER, "seconds": Kind.FLOAT, "after": Kind.TEXT, "limit": Kind.INT},
    columns=[Kind.TEXT, Kind.INT],
)
_FORGET = statement(
    "DELETE runtime_attempt",
    "DELETE FROM runtime_attempt WHERE context = :context AND tenant = :tenant "
    "AND failed_message_id = ANY(:ids)",
    parameters={**_OWNER, "ids": Kind.TEXTS},
)


class AttemptHistories:
    """Each call goes on where the one before it stopped, and starts over at the end. The place is
    not kept: another process starts at the beginning."""

    def __init__(self, store: "SqlStore") -> None:
        self._store = store
        self._after = ""

    def purge(self, *, older_than: timedelta, limit: int) -> int:
        """Look at ``limit`` histories and forget those that ended longer ago, where no failed
        message is left that they belong to; how many."""
        owner = (self._store.context, self._store.tenant)
        with self._store.short_transaction() as executor:
            seconds = -older_than.total_seconds()
            rows = executor.run(NEXT_HISTORIES, (*owner, seconds, self._after, limit))
            over = [failed_message_id for failed_message_id, is_over in rows if is_over]
            if over:
                executor.change(_FORGET, (*owner, over))
        self._after = rows[-1][0] if len(rows) == limit else ""
        return len(over)
