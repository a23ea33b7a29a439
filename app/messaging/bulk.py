"""What an operator does to many failed messages at once.

It runs where handlers run, not in the request that asked: the order is a message to the runtime
itself and leaves with a commit like any other. Whoever carries it out walks in bounded batches and
hands the rest on, so that it outlives reloads, restarts and kills; carried out twice, the second
finds what the first left.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from time import monotonic
from typing import Any

from app.messaging.runtime import Runtime
from ports.messages import Delivery, Envelope
from ports.outbound.operations import FailedMessageSearch, Job, Jobs, OperationsView

logger = logging.getLogger(__name__)

ENDPOINT = "failed_messages.in_bulk"
ORDER = "runtime.failed_messages_in_bulk"

BATCH = 100
# Far below any channel's time limit; the rest is handed on.
LONGEST_RUN_SECONDS = 20.0
_PROGRESS_EVERY_SECONDS = 0.5
INTERRUPTED = "given up: its process died again and again; what is left can be ordered once more"

_MOMENTS = ("since", "until")


class Action(StrEnum):
    REPLAY = "replay"
    DELETE = "delete"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """``job`` says what is shown of it; its moment of start bounds what it touches: whatever fails
    (again) later is left alone."""

    job: Job
    action: Action
    search: FailedMessageSearch
    actor: str
    reason: str = ""
    trace: str = ""

    def bounded(self) -> FailedMessageSearch:
        until = self.search.until
        end = self.job.started_at if until is None else min(until, self.job.started_at)
        return replace(self.search, until=end)


class BulkDesk:
    """Of one context. Made where orders are given and where they are carried out."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        view: OperationsView,
        jobs: Jobs,
        longest_run_seconds: float = LONGEST_RUN_SECONDS,
    ) -> None:
        self._runtime = runtime
        self._desk = runtime.failed_messages
        self._transactions = runtime.transactions
        self._view = view
        self._jobs = jobs
        self._longest_run = longest_run_seconds
        self._channel = _way_to_itself(runtime)
        runtime.consumer.control(ENDPOINT, self._carry_out, poisoned=self._give_up)

    def give(self, order: Order) -> None:
        """Given twice, it is carried out once. Joins the caller's transaction. The message leaves
        first: a job without one would never end, and who carries out the message makes the job."""
        if self._jobs.find(order.job.id) is not None:
            return
        self._send(encode(order))
        self._jobs.start(order.job)

    def _send(self, payload: bytes) -> None:
        metadata = self._runtime.propagation.next_metadata()
        delivery = Delivery(
            envelope=Envelope(payload=payload, name=ORDER, metadata=metadata),
            channel=self._channel,
            endpoint=ENDPOINT,
        )
        self._transactions.run(lambda unit: unit.messages.add(delivery))

    def _carry_out(self, delivery: Delivery) -> None:
        order = decode(delivery.envelope.payload)
        self._jobs.start(order.job)
        if not self._walk(order):
            self._send(delivery.envelope.payload)
        # The row that was kept for a broker without confirms.
        self._transactions.once(lambda unit: unit.messages.settle(delivery))

    def _give_up(self, delivery: Delivery, error: Exception) -> None:
        """The order becomes a failed message; nobody must wait for its job to go on."""
        job = decode(delivery.envelope.payload).job
        self._jobs.start(job)
        if not self._is_over(job.id):
            self._jobs.finish(job.id, at=self._runtime.clock.now(), note=INTERRUPTED)

    def _walk(self, order: Order) -> bool:
        """False: there is more to do."""
        search, act = order.bounded(), self._act(order)
        give_up_at = monotonic() + self._longest_run
        told_at, refused, last = 0.0, 0, ""
        while not self._is_over(order.job.id):
            ids = self._view.matching(search, after=last, limit=BATCH)
            refused += len(ids) - self._desk.for_each(ids, act)
            if len(ids) < BATCH:
                self._tell(order, refused)
                self._jobs.finish(order.job.id, at=self._runtime.clock.now())
                return True
            last = ids[-1]
            if monotonic() - told_at > _PROGRESS_EVERY_SECONDS:
                self._tell(order, refused)
                told_at = monotonic()
            if monotonic() > give_up_at:
                return False
        return True

    def _is_over(self, job_id: str) -> bool:
        """Finished before, or stopped by somebody."""
        job = self._jobs.find(job_id)
        return job is not None and job.finished_at is not None

    def _tell(self, order: Order, refused: int) -> None:
        left = self._view.count_failed(order.bounded())
        done = max(0, order.job.total - left)
        self._jobs.advance(order.job.id, done=done, failed=min(refused, left))

    def _act(self, order: Order) -> Callable[[str], None]:
        desk, actor, reason = self._desk, order.actor, order.reason
        match order.action:
            case Action.REPLAY:
                return lambda found: desk.replay(
                    found,
                    actor=actor,
                    reason=reason,
                    trace=order.trace,
                    failed_before=order.bounded().until,
                )
            case Action.DELETE:
                return lambda found: desk.delete(found, actor=actor, reason=reason)
            case Action.RESTORE:
                return lambda found: desk.restore(found, actor=actor, reason=reason)


def encode(order: Order) -> bytes:
    return json.dumps(asdict(order), default=datetime.isoformat).encode()


def decode(payload: bytes) -> Order:
    values: dict[str, Any] = json.loads(payload)
    job, search = values["job"], values["search"]
    job["started_at"] = datetime.fromisoformat(job["started_at"])
    for name in _MOMENTS:
        search[name] = datetime.fromisoformat(search[name]) if search[name] else None
    return Order(
        **{
            **values,
            "job": Job(**job),
            "action": Action(values["action"]),
            "search": FailedMessageSearch(**search),
        }
    )


def _way_to_itself(runtime: Runtime) -> str:
    channel = runtime.way_to_itself()
    if channel is not None:
        return channel
    raise LookupError(f"{runtime.context} has no channel over which it could reach itself")
