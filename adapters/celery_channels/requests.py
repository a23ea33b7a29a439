"""A job in the worker's main process, from its message to its acknowledgement."""

import logging
from typing import Any

from billiard.einfo import ExceptionWithTraceback  # type: ignore[attr-defined]
from celery import signals
from celery.concurrency.prefork import TaskPool as PreforkPool
from celery.exceptions import TimeLimitExceeded
from celery.worker import state
from celery.worker.request import Request

from adapters.celery_channels.intake import Intake
from adapters.celery_channels.jobs import Job, Receive, Revoked, TimedOut
from adapters.celery_channels.serving import HandBack

logger = logging.getLogger(__name__)


class HandingBack(Request):
    """A request whose task may say that its message is to be handed over again."""

    def info(self, safe: bool = False) -> Any:
        """For ``inspect``: never with arguments, which hold the payload."""
        return super().info(safe=True)

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> None:
        if isinstance(_error(exc_info), HandBack):
            state.task_ready(self)
            self.on_hand_back()
            self.reject(requeue=True)
            return
        super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)

    def on_hand_back(self) -> None:
        """Called before the message goes back."""


class StorageRequest(HandingBack):
    """Whether the storage is back; the acknowledgement is the answer."""


class JobRequest(HandingBack):
    """Celery's request, except where that acknowledges a message without an outcome.

    A handler that was stopped, by its time limit or by a revocation, is followed by a job that
    fails its delivery; that one acknowledges the message.
    """

    _message: Intake
    _already_revoked: bool
    _context: Any

    def on_timeout(self, soft: bool, timeout: float) -> None:
        if soft:
            super().on_timeout(soft, timeout)
            return
        logger.error(
            "handler exceeded its time limit and was stopped",
            extra={"task_id": self.id, "endpoint": self.argsrepr, "seconds": timeout},
        )
        state.task_ready(self)
        self.send_event("task-failed", exception=f"TimeLimitExceeded({timeout})", traceback="")
        job = self._message.job
        self._go_on(TimedOut(job.text, timeout) if isinstance(job, Receive) else None)

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> None:
        if isinstance(_error(exc_info), TimeLimitExceeded):
            return  # on_timeout comes next; acknowledging here would lose the message
        super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)

    def on_hand_back(self) -> None:
        self._message.consumer.pause(self._message.queue.context)

    def terminate(self, pool: Any, signal: Any = None) -> None:
        if isinstance(pool, PreforkPool):
            super().terminate(pool, signal)
        else:
            logger.warning("a thread cannot be stopped", extra={"task_id": self.id})

    def _announce_revoked(self, reason: str, terminated: bool, signum: Any, expired: bool) -> None:
        state.task_ready(self)
        self.send_event("task-revoked", terminated=terminated, signum=signum, expired=expired)
        self._already_revoked = True
        signals.task_revoked.send(
            self.task, request=self._context, terminated=terminated, signum=signum, expired=expired
        )
        job = self._message.job
        self._go_on(Revoked(job.text) if isinstance(job, Receive) else None)

    def _go_on(self, job: Job | None) -> None:
        """Hand the message over to another job, or back to the broker."""
        if self.acknowledged:
            return
        if job is None or state.should_terminate:
            self.reject(requeue=True)
            return
        self.acknowledged = True
        self._message.consumer.take(self._message.instead(job))


def _error(exc_info: Any) -> BaseException:
    error: BaseException = exc_info.exception
    if isinstance(error, ExceptionWithTraceback):
        error = error.exc
    return error
