"""What people do, and the entries that say so: no effect is without its entry.

Where both lie in one store they are one commit. Where they do not, the entry is written first as
begun, and what became of it afterwards: killed in between, the log says that somebody began.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from app.identity.audited import Audited
from app.messaging.transactions import Transactions
from ports.errors import CommitOutcomeUnknown
from ports.outbound.audit import NO_DETAILS, OUTCOME, Actor, AuditLog, Outcome
from ports.outbound.transactions import UnitOfWork

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    actor: Actor
    action: Audited
    object: str
    reason: str = ""
    details: Mapping[str, str] = field(default_factory=lambda: NO_DETAILS)


class Auditing:
    """Whatever ``do`` raises is raised. In one transaction, nothing was done then."""

    def __init__(self, log: AuditLog, *, now: Callable[[], datetime]) -> None:
        self._log = log
        self._now = now

    def with_accounts(self, deed: Deed, do: Callable[[], T]) -> T:
        """``do`` changes what lies beside the log: accounts, sessions, jobs. One commit."""
        with self._log.one_commit():
            self._record(deed)
            return do()

    def in_context(self, transactions: Transactions, deed: Deed, do: Callable[[], T]) -> T:
        """``do`` is one transaction of a context: entry and effect are one commit where the
        context's store holds the log too. After a conflict it is tried again."""
        begun: list[int] = []

        def once(_: UnitOfWork) -> T:
            if self._log.joins():
                self._record(deed)
            elif not begun:
                begun.append(self._record(deed, Outcome.BEGUN))
            return do()

        try:
            result = transactions.apart(once)
        except CommitOutcomeUnknown:
            raise
        except Exception:
            self._conclude(begun, Outcome.NOT_DONE)
            raise
        self._conclude(begun, Outcome.DONE)
        return result

    def elsewhere(self, deed: Deed, do: Callable[[], T]) -> T:
        """``do`` is more than one transaction, or one of a store without a log. After an error it
        stays begun: a part may be done."""
        begun = [self._record(deed, Outcome.BEGUN)]
        result = do()
        self._conclude(begun, Outcome.DONE)
        return result

    def _record(self, deed: Deed, outcome: Outcome | None = None) -> int:
        details = {**deed.details, OUTCOME: outcome.value} if outcome else deed.details
        return self._log.record(
            deed.actor,
            deed.action.value,
            deed.object,
            at=self._now(),
            reason=deed.reason,
            details=details,
        )

    def _conclude(self, begun: list[int], outcome: Outcome) -> None:
        for entry_id in begun:
            try:
                self._log.conclude(entry_id, outcome)
            except Exception:
                # The deed is done or refused for good, and whoever did it is to hear that.
                logger.exception("an audit entry stays begun", extra={"entry": entry_id})
