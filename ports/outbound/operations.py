"""What the operations pages ask of a store: read models over the runtime's own tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ports.outbound.failed_messages import Attempt, FailedMessage
from ports.outbound.positions import ProjectionStatus

# Counts stop here: beyond it nobody needs the exact number, and counting would cost too much.
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessageSearch:
    """Conditions that are left out do not narrow. ``text`` is part of the reason, the exception,
    the endpoint or the message's name, or an id of the message, its conversation or the failed
    message. ``group`` is that of a :class:`FailedMessageGroup`."""

    text: str = ""
    group: str = ""
    endpoint: str = ""
    channel: str = ""
    exception: str = ""
    since: datetime | None = None
    until: datetime | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessageRow:
    context: str
    id: str
    message_id: str
    endpoint: str  # empty when it could not be read
    channel: str
    name: str
    exception: str
    reason: str  # its first line
    attempts: int
    failed_at: datetime
    deleted_at: datetime | None
    readable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessageGroup:
    """Failures of one endpoint with the same exception and the same reason, but for the parts that
    vary (numbers, ids, quoted text), which are masked."""

    context: str
    group: str
    endpoint: str
    exception: str
    reason: str
    count: int
    first_failed_at: datetime
    last_failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessageChoices:
    """What there is to filter by; each at most 100."""

    endpoints: Sequence[str]
    channels: Sequence[str]
    exceptions: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessageHistory:
    """``failed`` is None once it was replayed; its attempts are known all the same."""

    failed: FailedMessage | None
    attempts: Sequence[Attempt]  # oldest first


# The place of a failed message in a list: when it failed (or was deleted), then its id.
Place = tuple[datetime, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits in the message table for one channel."""

    channel: str
    ready: int
    delayed: int  # retries and delays that are not due yet
    handed_over: int  # kept until a broker without confirms has an outcome
    struggling: int  # handing them over has failed at least once
    oldest_at: datetime | None  # of those that are ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    endpoint: str
    done: int  # since the moment asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionState:
    context: str
    name: str
    position: int
    head: int  # of the newest event in its streams
    lag: int  # events that it has still to read, at most MOST_COUNTED
    status: ProjectionStatus
    error: str
    rebuild_target: int
    advanced_at: datetime | None
    behind_since: datetime | None  # when the first event was sent that it has not read


class OperationsView(Protocol):
    """Of one context. Each call reads by itself and sees what is committed."""

    context: str

    def count_failed(self, search: FailedMessageSearch) -> int:
        """At most MOST_COUNTED."""

    def places(
        self, search: FailedMessageSearch, *, limit: int, oldest_first: bool = False
    ) -> Sequence[Place]:
        """Latest failure first, unless ``oldest_first``; of the deleted, by deletion. For joining
        the lists of several contexts: little is read of each."""

    def rows(self, ids: Sequence[str]) -> Sequence[FailedMessageRow]:
        """Those of them that are there, at most 200, in no order."""

    def neighbours(self, place: Place, *, deleted: bool) -> tuple[Place | None, Place | None]:
        """The next newer and the next older one."""

    def matching(
        self, search: FailedMessageSearch, *, after: str = "", limit: int
    ) -> Sequence[str]:
        """Ids ascending beyond ``after``: a walk that nothing done to those behind it disturbs."""

    def failed_groups(
        self, search: FailedMessageSearch, *, limit: int
    ) -> Sequence[FailedMessageGroup]:
        """Largest first."""

    def failed_choices(self) -> FailedMessageChoices: ...

    def history(self, failed_message_id: str) -> FailedMessageHistory | None:
        """None: nothing is known of it."""

    def last_failure(self) -> datetime | None:
        """Of those that are there, deleted ones included."""

    def backlog(self) -> Sequence[Backlog]:
        """By channel name; channels without anything waiting are left out."""

    def throughput(self, since: datetime) -> Sequence[Throughput]: ...

    def projections(
        self, streams: Sequence[tuple[str, Sequence[str]]]
    ) -> Sequence[ProjectionState]:
        """For each given name of a projection and its streams, in the order given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """One process of the deployment. ``process`` is unique: kind, host, pid and start."""

    process: str
    kind: str  # "web", "worker", "relay"
    host: str
    pid: int
    channels: Sequence[str]
    started_at: datetime
    seen_at: datetime
    handled: int = 0
    failed: int = 0
    handling: str = ""  # endpoint that is being handled, the longest-running first
    handling_since: datetime | None = None


class Heartbeats(Protocol):
    """Best effort. Whoever was not seen for a while is possibly dead."""

    def beat(self, heartbeat: Heartbeat) -> None:
        """Insert or replace."""

    def leave(self, process: str) -> None:
        """The process ends as it should."""

    def all(self, *, limit: int = 200) -> Sequence[Heartbeat]:
        """Latest seen first."""

    def purge(self, *, before: datetime) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Long work that an operator started, and how far it is."""

    id: str
    kind: str  # "replay", "delete", "rebuild"
    label: str
    started_by: str
    started_at: datetime
    total: int
    done: int = 0
    failed: int = 0
    finished_at: datetime | None = None
    note: str = ""

    def per_minute(self, now: datetime) -> float | None:
        elapsed = (self.finished_at or now) - self.started_at
        if elapsed < timedelta(seconds=1) or not self.done:
            return None
        return self.done / (elapsed / timedelta(minutes=1))


class Jobs(Protocol):
    """Survives reloads and restarts; a job that was killed stays unfinished until it goes on."""

    def start(self, job: Job) -> bool:
        """False: a job with this id was started before; nothing changed."""

    def advance(self, job_id: str, *, done: int, failed: int = 0) -> None:
        """Set, not added: who repeats a step counts it once."""

    def finish(self, job_id: str, *, at: datetime, note: str = "") -> None: ...

    def find(self, job_id: str) -> Job | None: ...

    def newest(self, *, kind: str = "", limit: int = 5) -> Sequence[Job]:
        """Unfinished first, then latest start."""

    def purge(self, *, before: datetime) -> int: ...
