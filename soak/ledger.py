"""What the load asked for, and what it was told: the claims that the databases are held to."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from threading import Lock

_MOST_EXAMPLES = 20


class Told(StrEnum):
    ACCEPTED = "accepted"
    # The answer was lost, or said that nothing can be done right now: it may have happened or not.
    IN_DOUBT = "in doubt"


@dataclass(slots=True, kw_only=True, eq=False)
class Action:
    """Something done with a ticket. Asked for again until it is accepted, as people do, it must
    have happened exactly once all the same."""

    kind: str  # assigned, resolved, reopened, cancelled
    told: Told


@dataclass(slots=True, kw_only=True, eq=False)
class ReportedIssue:
    """Belongs to one virtual person, who does one thing after the other."""

    issue_id: str
    email: str  # of this issue alone
    subject: str
    key: str = ""  # of the form
    told: Told = Told.IN_DOUBT
    path: str = ""  # of the page to follow it
    ticket_id: str = ""  # once it was seen in a list
    actions: list[Action] = field(default_factory=list)
    closed: Told | None = None

    @property
    def is_settled(self) -> bool:
        """Everything was answered: what comes next is known."""
        return self.told is Told.ACCEPTED and all(
            action.told is Told.ACCEPTED for action in self.actions
        )

    @property
    def last_action(self) -> str:
        return self.actions[-1].kind if self.actions else ""


class Ledger:
    """Shared by all threads of the load."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers = count()
        self._under_way: set[int] = set()
        self.issues: list[ReportedIssue] = []
        self.requests: Counter[str] = Counter()  # by the kind of work
        self.statuses: Counter[int] = Counter()
        self.unanswered = 0
        self.unexpected: Counter[str] = Counter()

    @property
    def in_flight(self) -> frozenset[int]:
        """Requests that were sent and are not answered, each by a number of its own."""
        with self._lock:
            return frozenset(self._under_way)

    @contextmanager
    def asking(self, kind: str) -> Iterator[None]:
        with self._lock:
            number = next(self._numbers)
            self._under_way.add(number)
            self.requests[kind] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way.remove(number)

    def add(self, issue: ReportedIssue) -> None:
        with self._lock:
            self.issues.append(issue)

    def answered(self, status: int) -> None:
        with self._lock:
            self.statuses[status] += 1

    def was_unanswered(self) -> None:
        with self._lock:
            self.unanswered += 1

    def was_unexpected(self, what: str) -> None:
        """An answer that nobody should get, whatever was killed."""
        with self._lock:
            if what in self.unexpected or len(self.unexpected) < _MOST_EXAMPLES:
                self.unexpected[what] += 1
            else:
                self.unexpected["and others"] += 1

    def accepted(self) -> list[ReportedIssue]:
        return [issue for issue in self.issues if issue.told is Told.ACCEPTED]
