"""What a worker makes of a message before Celery sees it.

Celery acknowledges, or only logs, what it cannot decode, does not know, or finds revoked or
expired. So it never meets the broker's message: it gets one that is always well formed, whose job
says what is to be done with the real one, and whose acknowledgement is passed on.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from kombu.message import Message

from adapters.celery_channels.broker import DELIVERY_LIMIT, ChannelQueue
from adapters.celery_channels.jobs import Job, Park, Receive, Revoked
from adapters.celery_channels.wire import HAND_OVERS, envelope_text

_LONGEST_LABEL = 250
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What the logs, ``inspect`` and Flower show of a task."""

    task: str
    id: str
    shadow: str
    endpoint: str = ""
    root_id: str | None = None
    parent_id: str | None = None

    def headers(self, seconds: float | None) -> dict[str, Any]:
        return {
            "lang": "py",
            "task": self.task,
            "id": self.id,
            "root_id": self.root_id,
            "parent_id": self.parent_id,
            "shadow": self.shadow,
            "argsrepr": self.endpoint,
            "kwargsrepr": "",
            "timelimit": (seconds, None) if seconds else None,
        }


class Intake(Message):
    """A job for the pool, in the shape of a Celery message.

    It is a subclass because Celery, when it stops, runs only those outstanding acknowledgements
    that belong to a message.
    """

    def __init__(
        self,
        job: Job,
        labels: Labels,
        *,
        queue: ChannelQueue,
        consumer: Any,
        original: Message,
        seconds: float | None = None,
    ) -> None:
        super().__init__(
            delivery_tag=original.delivery_tag,
            delivery_info=original.delivery_info,
            headers=labels.headers(seconds),
            channel=original.channel,
        )
        self.job = job
        self.labels = labels
        self.queue = queue
        self.consumer = consumer
        self.original = original
        self._decoded_cache = {"args": (job,), "kwargs": {}}

    def instead(self, job: Job) -> "Intake":
        """Another job for the same message of the broker."""
        labels = replace(self.labels, id=f"{self.labels.id}:{type(job).__name__.lower()}")
        return Intake(job, labels, queue=self.queue, consumer=self.consumer, original=self.original)

    def ack_log_error(self, *args: Any, **kwargs: Any) -> None:
        self.original.ack_log_error(*args, **kwargs)

    def reject_log_error(self, *args: Any, **kwargs: Any) -> None:
        self.original.reject_log_error(*args, **kwargs)


class Chore(Message):
    """Maintenance, made anew from a message of beat, of which only the expiry is believed."""

    def __init__(self, task: str, *, original: Message) -> None:
        headers = Labels(task=task, id=str(uuid4()), shadow=task).headers(None)
        headers["expires"] = _instant(original.headers.get("expires"))
        super().__init__(
            delivery_tag=original.delivery_tag,
            delivery_info=original.delivery_info,
            headers=headers,
            channel=original.channel,
        )
        self._decoded_cache: dict[str, Any] = {"args": (), "kwargs": {}}
        self.original = original

    def ack_log_error(self, *args: Any, **kwargs: Any) -> None:
        self.original.ack_log_error(*args, **kwargs)

    def reject_log_error(self, *args: Any, **kwargs: Any) -> None:
        self.original.reject_log_error(*args, **kwargs)


class Question(Message):
    """The message of a job that no broker sent; the acknowledgement is the answer."""

    def __init__(
        self, task: str, argument: str, *, yes: Callable[[], object], no: Callable[[], object]
    ) -> None:
        labels = Labels(task=task, id=str(uuid4()), shadow=task)
        super().__init__(delivery_tag=labels.id, delivery_info={}, headers=labels.headers(None))
        self._decoded_cache = {"args": (argument,), "kwargs": {}}
        self._yes = yes
        self._no = no

    def ack_log_error(self, *args: Any, **kwargs: Any) -> None:
        self._yes()

    def reject_log_error(self, *args: Any, **kwargs: Any) -> None:
        self._no()


def read(
    message: Message, *, queue: ChannelQueue, known: Container[str], revoked: Container[str]
) -> tuple[Job, Labels]:
    """What to do with a message that came out of ``queue``. Never raises."""
    try:
        text, labels = _delivery(message, known)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it must not be lost
        return parked(message, error, queue=queue)
    if labels.id in revoked:
        # Under its own id Celery would find the job revoked again.
        return Revoked(text), replace(labels, id=f"{labels.id}:revoked")
    drained = message.delivery_info.get("routing_key") == queue.rejected_name
    return Receive(text, hand_overs(message, drained=drained)), labels


def parked(message: Message, error: Exception, *, queue: ChannelQueue) -> tuple[Job, Labels]:
    reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
    labels = Labels(
        task=queue.name,
        id=f"unreadable:{message.delivery_tag}"[:_LONGEST_LABEL],
        shadow=f"{queue.name} \N{MIDDLE DOT} unreadable message",
    )
    return Park(_raw(message), reason), labels


def hand_overs(message: Message, *, drained: bool) -> int:
    """Earlier hand-overs of the message, as far as the broker tells.

    ``drained``: it comes from where RabbitMQ puts what reached the limit.
    """
    counted = message.headers.get(HAND_OVERS)
    redelivered = message.delivery_info.get("redelivered") or message.headers.get("redelivered")
    return max(
        counted if isinstance(counted, int) else 0,
        1 if redelivered else 0,
        DELIVERY_LIMIT if drained else 0,
    )


class NoDelivery(Exception):
    """The message is no task message for a channel."""


def _delivery(message: Message, known: Container[str]) -> tuple[str, Labels]:
    headers: Mapping[str, Any] = message.headers
    task = headers.get("task")
    if task is None:
        raise NoDelivery("its headers name no task")
    if not isinstance(task, str) or task not in known:
        raise NoDelivery(f"it is for the task {str(task)[:_LONGEST_LABEL]!r}, which is unknown")
    identifier = headers.get("id")
    if not isinstance(identifier, str) or not 0 < len(identifier) <= _LONGEST_LABEL:
        raise NoDelivery("its headers hold no usable id")
    endpoint = _text(headers.get("argsrepr"))
    labels = Labels(
        task=task,
        id=identifier,
        shadow=_text(headers.get("shadow")) or task,
        endpoint=endpoint,
        root_id=_text(headers.get("root_id")) or None,
        parent_id=_text(headers.get("parent_id")) or None,
    )
    return envelope_text(message.decode()), labels


def _text(value: object) -> str:
    return value[:_LONGEST_LABEL] if isinstance(value, str) else ""


def _instant(value: object) -> str | None:
    """The text, if it tells an instant."""
    try:
        return value if isinstance(value, str) and datetime.fromisoformat(value).tzinfo else None
    except ValueError:
        return None


def _raw(message: Message) -> bytes:
    body: Any = message.body
    if isinstance(body, str):
        return body.encode(errors="surrogateescape")
    return bytes(body or b"")
