"""Taking messages from the broker, in the worker's main process."""

import logging
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

from celery.concurrency.prefork import TaskPool as PreforkPool
from celery.exceptions import CPendingDeprecationWarning
from celery.worker import state
from celery.worker.consumer.consumer import Consumer
from kombu.message import Message

from adapters.celery_channels.broker import MAINTENANCE, Broker, ChannelQueue
from adapters.celery_channels.intake import Chore, Intake, Question, parked, read
from adapters.celery_channels.jobs import Receive
from adapters.celery_channels.quarantine import Quarantine
from adapters.celery_channels.serving import Serving
from adapters.celery_channels.watchdog import Watchdog

logger = logging.getLogger(__name__)

STORAGE_TASK = "storage-is-back"
# The exit code of a worker that a stuck thread made useless: EX_TEMPFAIL, start it again.
RESTART_ME = 75

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_CALM_SECONDS = 60.0
_EVENTS_SECONDS = 0.1
_LEAVING_SECONDS = 10.0


class _Blueprint(Consumer.Blueprint):  # type: ignore[valid-type, misc]
    # Without delayed delivery, which would make 28 queues for delays that nobody asks for.
    default_steps = [
        step
        for step in Consumer.Blueprint.default_steps
        if not step.endswith((":Gossip", ":DelayedDelivery"))
    ]


class ChannelConsumer(Consumer):
    """Celery's consumer, which lets no message of a channel vanish, and stops consuming for a
    context while its storage is away.

    Methods with a leading underscore run in the event loop's thread.
    """

    Blueprint = _Blueprint
    event_dispatcher: Any  # None until its step has started

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        application = kwargs["app"]
        self._broker: Broker = application.broker
        self._serving: Serving = application.serving
        self._known = {queue.name for queue in self._broker.queues}
        self._pauses: dict[str, float] = {}
        self._resumed_at: dict[str, float] = {}
        self._take: Callable[[Message], object] = _nothing_yet
        self._flush_is_due = False
        kwargs["worker_options"] = {**(kwargs.get("worker_options") or {}), "without_mingle": True}
        super().__init__(*args, **kwargs)
        self._drain_what_was_put_aside()
        if not isinstance(self.pool, PreforkPool):
            self._serving.watchdog = Watchdog(stop_taking=self.stop_taking, leave=self.leave)
            self._serving.quarantine = Quarantine()
            self._serving.open()

    # -- messages --------------------------------------------------------------------------------

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Message], object]:
        """Called whenever the loop starts, at first and after every reconnection."""
        self._take = super().create_task_handler(*args, **kwargs)
        self._flush_is_due = False  # a lost connection takes all timers along
        for context in list(self._pauses):
            self._ask_later(context)
        return self._on_message

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        with warnings.catch_warnings():
            # A lecture on a setting that was chosen with care, at every lost connection.
            warnings.simplefilter("ignore", CPendingDeprecationWarning)
            super().on_connection_error_after_connected(exc)

    def take(self, message: Message) -> None:
        """Hand a message of our own making to the pool."""
        self._take(message)

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """Also called for control messages, which nobody misses."""
        queue = self._queue_of(message)
        if queue is None:
            super().on_decode_error(message, exc)
        else:
            self._take(self._intake(message, queue, parked(message, exc, queue=queue)))

    def on_unknown_message(self, body: Any, message: Message) -> None:
        self._never_lost(message, "unknown message")

    def on_unknown_task(self, body: Any, message: Message, exc: Exception) -> None:
        self._never_lost(message, "unknown task")

    def on_invalid_task(self, body: Any, message: Message, exc: Exception) -> None:
        self._never_lost(message, f"invalid task: {exc}")

    def _on_message(self, message: Message) -> None:
        queue = self._queue_of(message)
        if queue is None and message.headers.get("task") == MAINTENANCE:
            self._take(Chore(MAINTENANCE, original=message))
            return
        # What strayed into a queue that is none of ours is kept by the first context.
        queue = queue or self._broker.queues[0]
        found = read(message, queue=queue, known=self._known, revoked=state.revoked)
        self._take(self._intake(message, queue, found))

    def _intake(self, message: Message, queue: ChannelQueue, found: Any) -> Intake:
        job, labels = found
        seconds = self._serving.time_limit(labels.endpoint, queue)
        return Intake(
            job,
            labels,
            queue=queue,
            consumer=self,
            original=message,
            seconds=seconds if isinstance(job, Receive) else None,
        )

    def _never_lost(self, message: Message, reason: str) -> None:
        # Not reached by what _on_message made. If ever, the broker keeps it.
        logger.error("message goes back to the broker", extra={"reason": reason})
        message.reject_log_error(logger, self.connection_errors, requeue=True)  # type: ignore[attr-defined]

    def _queue_of(self, message: Message) -> ChannelQueue | None:
        info = message.delivery_info
        tag = info.get("consumer_tag")
        if tag is not None:
            for name, active in self.task_consumer._active_tags.items():  # type: ignore[attr-defined]
                if active == tag:
                    return self._broker.queue_named(name)
        return self._broker.queue_named(str(info.get("routing_key")))

    # -- what Flower is told ---------------------------------------------------------------------

    def on_send_event_buffered(self) -> None:  # type: ignore[override]
        """Events of a moment go out together: three messages for each delivery would cost the
        worker and the broker as much as the deliveries. From any thread."""
        if not self._flush_is_due:
            self._flush_is_due = True
            self.call_soon(self._flush_later)

    def _flush_later(self) -> None:
        self.timer.call_after(_EVENTS_SECONDS, self._flush_events)

    def _flush_events(self) -> None:
        self._flush_is_due = False
        if self.event_dispatcher:
            self.event_dispatcher.flush()

    def stop(self) -> None:
        self._flush_events()
        super().stop()

    # -- while the storage is away ---------------------------------------------------------------

    def pause(self, context: str) -> None:
        """Stop consuming for a context until its storage is back. From any thread, any number of
        times."""
        self._serving.held.add(context)
        self.call_soon(self._pause, context)

    def _pause(self, context: str) -> None:
        if context in self._pauses:
            return
        calm = time.monotonic() - self._resumed_at.get(context, 0.0) > _CALM_SECONDS
        self._pauses[context] = _FIRST_PAUSE_SECONDS if calm else _LONGEST_PAUSE_SECONDS / 4
        names = self._queue_names(context)
        logger.warning("storage is away, consuming stops", extra={"context": context})
        self._ask_later(context)
        # First all are deselected: should the connection break now, the next one leaves them out.
        self.app.amqp.queues.deselect(names)
        for name in names:
            self.cancel_task_queue(name)

    def _ask_later(self, context: str) -> None:
        self.timer.call_after(self._pauses[context], self._ask, (context,))

    def _ask(self, context: str) -> None:
        if context not in self._pauses:
            return
        self._take(
            Question(
                STORAGE_TASK,
                context,
                yes=lambda: self._resume(context),
                no=lambda: self._still_away(context),
            )
        )

    def _still_away(self, context: str) -> None:
        if context in self._pauses:
            self._pauses[context] = min(self._pauses[context] * 2, _LONGEST_PAUSE_SECONDS)
            self._ask_later(context)

    def _resume(self, context: str) -> None:
        if self._pauses.pop(context, None) is None:
            return
        self._serving.held.discard(context)
        self._resumed_at[context] = time.monotonic()
        logger.warning("storage is back, consuming goes on", extra={"context": context})
        for name in self._queue_names(context):
            self.add_task_queue(name)

    def _queue_names(self, context: str) -> list[str]:
        return [
            name
            for name in self._served
            if (queue := self._broker.queue_named(name)) is not None and queue.context == context
        ]

    def _drain_what_was_put_aside(self) -> None:
        """Who consumes a channel's queue consumes the one beside it, too."""
        queues = self.app.amqp.queues
        for name in list(queues.consume_from):
            channel = self._broker.queue_named(name)
            if channel is not None and channel.rejected_name in queues:
                queues.select_add(queues[channel.rejected_name])
        self._served = list(queues.consume_from)

    # -- when a thread is stuck ------------------------------------------------------------------

    def stop_taking(self) -> None:
        """Consume nothing any more; what runs may end. From any thread."""
        self._serving.held.update(queue.context for queue in self._broker.queues)
        self.call_soon(self._stop_taking)

    def _stop_taking(self) -> None:
        self._pauses.clear()
        for name in self._served:
            self.cancel_task_queue(name)

    def leave(self) -> None:
        """End the process, although a thread never ends. From any thread but the loop's."""
        self.call_soon(self._leave)
        time.sleep(_LEAVING_SECONDS)
        os._exit(RESTART_ME)

    def _leave(self) -> None:
        try:
            if self.connection is not None:
                # The broker hands over again what this worker still holds.
                self.connection.close()
        finally:
            logging.shutdown()
            os._exit(RESTART_ME)


def _nothing_yet(message: Message) -> None:
    raise RuntimeError("the worker does not consume yet")
