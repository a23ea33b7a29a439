"""Whether an operator is needed, from what is known: a list of problems, the worst first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.operations.channels import ChannelState
from app.operations.consumers import Consumer
from app.web.components import Meaning
from app.web.formatting import duration, plural
from ports.outbound.message_table import RemovedChannel
from ports.outbound.operations import FailedMessageGroup, ProjectionState
from ports.outbound.positions import ProjectionStatus

# Below these nothing is wrong: the relay sweeps every second, projections follow within a moment.
WAITS_TOO_LONG = timedelta(seconds=30)
BEHIND_TOO_LONG = timedelta(seconds=30)
HANDLES_TOO_LONG = timedelta(minutes=2)
# A loss that is known is told for so long.
LOSS_IS_TOLD = timedelta(days=7)
NEEDED_KINDS = {"worker": "handles messages", "relay": "hands over messages"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    meaning: Meaning
    text: str
    reason: str
    page: str  # endpoint of the page that shows it


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    now: datetime
    failed: int
    largest_group: FailedMessageGroup | None
    channels: Sequence[ChannelState]
    projections: Sequence[ProjectionState]
    consumers: Sequence[Consumer]
    removed_channels: Sequence[RemovedChannel] = ()
    broker_lost_at: datetime | None = None

    @property
    def oldest_at(self) -> datetime | None:
        return min((one.oldest_at for one in self.channels if one.oldest_at), default=None)

    @property
    def oldest_waits(self) -> timedelta:
        return max(self.now - self.oldest_at, timedelta(0)) if self.oldest_at else timedelta(0)

    @property
    def lag(self) -> int:
        return max((one.lag for one in self.projections), default=0)

    @property
    def behind_too_long(self) -> bool:
        return any(is_behind(one, self.now) for one in self.projections)

    @property
    def broker_reachable(self) -> bool:
        return all(one.reachable for one in self.channels)

    @property
    def alive(self) -> int:
        return sum(one.alive for one in self.consumers)

    @property
    def possibly_dead(self) -> int:
        return sum(not one.alive and not one.replaced for one in self.consumers)


def is_behind(projection: ProjectionState, now: datetime) -> bool:
    """Running, and yet without reading what it has to read: nobody wakes or runs it."""
    since = projection.behind_since
    running = projection.status is ProjectionStatus.RUNNING
    return running and since is not None and now - since > BEHIND_TOO_LONG


def problems_of(state: State) -> list[Problem]:
    found = [
        *_of_the_broker(state),
        *_of_processes(state),
        *_of_channels(state),
        *_of_removed_channels(state),
        *_of_failures(state),
        *_of_projections(state),
    ]
    return sorted(found, key=lambda problem: problem.meaning != "danger")


def _of_the_broker(state: State) -> list[Problem]:
    lost_at = state.broker_lost_at
    if lost_at is None or state.now - lost_at > LOSS_IS_TOLD:
        return []
    return [
        Problem(
            meaning="danger",
            text="Messages were lost with the broker's file",
            reason=f"at the start {duration(state.now - lost_at)} ago it was another file than the "
            "one known before; messages that were under way and not done are gone",
            page="operations.channels",
        )
    ]


def _of_failures(state: State) -> list[Problem]:
    if not state.failed:
        return []
    group = state.largest_group
    reason = f"mostly {group.exception.rpartition('.')[2]}: {group.reason}" if group else ""
    return [
        Problem(
            meaning="danger",
            text=plural(state.failed, "failed message"),
            reason=reason,
            page="operations.failed_messages",
        )
    ]


def _of_processes(state: State) -> list[Problem]:
    living = {one.heartbeat.kind for one in state.consumers if one.alive}
    found = [
        Problem(
            meaning="danger",
            text=f"No {kind} is alive",
            reason=f"nothing {what} until one is back; messages wait and none is lost",
            page="operations.consumers",
        )
        for kind, what in NEEDED_KINDS.items()
        if kind not in living
    ]
    for one in state.consumers:
        since = one.heartbeat.handling_since
        if one.alive and since is not None and state.now - since > HANDLES_TOO_LONG:
            found.append(
                Problem(
                    meaning="warning",
                    text=f"{one.heartbeat.handling} runs for {duration(state.now - since)}",
                    reason=f"in {one.heartbeat.kind} {one.heartbeat.pid}",
                    page="operations.consumers",
                )
            )
    return found


def _of_channels(state: State) -> list[Problem]:
    found = []
    if not state.broker_reachable:
        found.append(
            Problem(
                meaning="danger",
                text="The broker cannot be reached",
                reason="messages wait in the message table and leave when it is back",
                page="operations.channels",
            )
        )
    elif state.oldest_waits > WAITS_TOO_LONG:
        found.append(
            Problem(
                meaning="warning",
                text=f"The oldest message waits for {duration(state.oldest_waits)}",
                reason="it is due and was not handed over",
                page="operations.channels",
            )
        )
    return found


def _of_removed_channels(state: State) -> list[Problem]:
    return [
        Problem(
            meaning="danger",
            text=f"{plural(one.count, 'message')} for the removed channel {one.channel}",
            reason="no endpoint declares it and nobody takes them; the oldest waits for "
            f"{duration(max(state.now - one.oldest_at, timedelta(0)))}",
            page="operations.channels",
        )
        for one in state.removed_channels
    ]


def _of_projections(state: State) -> list[Problem]:
    found = []
    for one in state.projections:
        if one.status is ProjectionStatus.FAILED:
            found.append(("danger", f"Projection {one.name} fails", one.error))
        elif one.status is ProjectionStatus.PAUSED:
            found.append(
                ("warning", f"Projection {one.name} is paused", "its readers see old data")
            )
        elif is_behind(one, state.now):
            found.append(
                (
                    "warning",
                    f"Projection {one.name} is behind",
                    plural(one.lag, "event") + " to read",
                )
            )
    return [
        Problem(
            meaning="danger" if meaning == "danger" else "warning",
            text=text,
            reason=reason,
            page="operations.projections",
        )
        for meaning, text, reason in found
    ]
