"""The broker behind the channels: which kind it is, and the queues that live on it.

Everything goes through the default exchange, to the queue named like the channel, so that routing
has nothing to bind and nothing to forget.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kombu import Connection, Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES

from ports.outbound.channels import ChannelDeclaration

MAINTENANCE = "maintenance"  # the queue and the task of work that belongs to no message

# RabbitMQ gives up on a message after this many hand-overs and puts it aside, from where it is
# drained: only the receiver, which counts for itself, decides that a message is poisonous.
DELIVERY_LIMIT = 10
_HIGHEST_PRIORITY = 9
_LONGEST_HANDLER_MARGIN = timedelta(seconds=60)

_READABLE_REDIS = "readableredis"
TRANSPORT_ALIASES[_READABLE_REDIS] = "adapters.celery_channels.redis_transport:Transport"


class BrokerKind(StrEnum):
    RABBITMQ = "rabbitmq"
    REDIS = "redis"
    SQL = "sql"

    @classmethod
    def of(cls, url: str) -> "BrokerKind":
        """Raises:
        ValueError: the scheme is none that channels can live on.
        """
        scheme = url.partition("://")[0]
        if scheme in ("amqp", "amqps", "pyamqp"):
            return cls.RABBITMQ
        if scheme in ("redis", "rediss"):
            return cls.REDIS
        if scheme.startswith("sqlbroker+"):
            return cls.SQL
        raise ValueError(
            f"no channel can live on a broker of scheme {scheme!r}: use amqp, amqps, redis, "
            "rediss, sqlbroker+sqlite or sqlbroker+postgresql"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelQueue:
    """The queue of one channel."""

    context: str
    declaration: ChannelDeclaration

    @property
    def name(self) -> str:
        """The channel's full name, the queue's name and the task's name are one."""
        return f"{self.context}.{self.declaration.name}"

    @property
    def rejected_name(self) -> str:
        """Where RabbitMQ puts what it handed over too often."""
        return f"{self.name}.rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the broker is and what lives there; opens nothing by itself.

    ``options`` are added to kombu's transport options and win over those chosen here. ``patience``
    is how long connecting, writing and waiting for confirms may take. ``may_lose`` says that those
    who publish keep what they sent until it is done, as on Redis they always must: our own broker
    then confirms nothing and waits for no disk.
    """

    url: str = field(repr=False)
    queues: tuple[ChannelQueue, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    patience: timedelta = timedelta(seconds=10)
    may_lose: bool = False

    @property
    def kind(self) -> BrokerKind:
        return BrokerKind.of(self.url)

    @property
    def confirms(self) -> bool:
        """Whether what was published is the broker's to keep from then on."""
        match self.kind:
            case BrokerKind.RABBITMQ:
                return True
            case BrokerKind.REDIS:
                return False
            case BrokerKind.SQL:
                return not self.may_lose

    @property
    def secured_url(self) -> str:
        """The URL for kombu, which would not check the certificate of ``rediss`` unless told to."""
        parts = urlsplit(self.url)
        if parts.scheme != "rediss" or "ssl_cert_reqs" in dict(parse_qsl(parts.query)):
            return self.url
        return f"{self.url}{'&' if parts.query else '?'}ssl_cert_reqs=required"

    @property
    def read_url(self) -> str:
        """The URL for workers: on Redis, of a transport that survives unreadable entries."""
        if self.kind is not BrokerKind.REDIS:
            return self.secured_url
        return f"{_READABLE_REDIS}://{self.secured_url.partition('://')[2]}"

    @property
    def transport_options(self) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        match self.kind:
            case BrokerKind.REDIS:
                chosen = self._redis_options()
            case BrokerKind.SQL | BrokerKind.RABBITMQ:
                pass
        return {**chosen, **self.options}

    def connection(self, *, heartbeat_seconds: float = 0) -> Connection:
        """A connection that is not yet open, and belongs to nobody else."""
        options = self.transport_options
        if self.kind is BrokerKind.RABBITMQ:
            options.setdefault("write_timeout", max(1, round(self.patience.total_seconds())))
        return Connection(
            self.secured_url,
            transport_options=options,
            connect_timeout=self.patience.total_seconds() / 2,
            heartbeat=heartbeat_seconds,
        )

    def queue_named(self, name: str) -> ChannelQueue | None:
        for queue in self.queues:
            if name in (queue.name, queue.rejected_name):
                return queue
        return None

    def entities(self, queues: Sequence[ChannelQueue] | None = None) -> list[Queue]:
        """What must be declared before anything is published or consumed, in this order."""
        found: list[Queue] = []
        for queue in self.queues if queues is None else queues:
            if self.kind is BrokerKind.RABBITMQ:
                found.append(_on_default_exchange(queue.rejected_name, {"x-queue-type": "classic"}))
            found.append(_on_default_exchange(queue.name, self._arguments(queue)))
        return found

    def maintenance_entity(self) -> Queue:
        arguments = {"x-queue-type": "classic"} if self.kind is BrokerKind.RABBITMQ else {}
        return _on_default_exchange(MAINTENANCE, arguments)

    def priority(self, queue: ChannelQueue, priority: int) -> int:
        """The priority as the broker means it. Redis serves 0 first."""
        if not queue.declaration.prioritised:
            return 0
        bounded = min(max(priority, 0), _HIGHEST_PRIORITY)
        return _HIGHEST_PRIORITY - bounded if self.kind is BrokerKind.REDIS else bounded

    def _arguments(self, queue: ChannelQueue) -> dict[str, Any]:
        if self.kind is not BrokerKind.RABBITMQ:
            return {}
        dead_letters = {
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": queue.rejected_name,
        }
        if queue.declaration.prioritised:
            # Quorum queues know no priorities, so that these are not replicated.
            return {
                "x-queue-type": "classic",
                "x-max-priority": _HIGHEST_PRIORITY,
                **dead_letters,
            }
        return {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            # By default a quorum queue moves a dead letter at most once, and may so lose it.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            **dead_letters,
        }

    def _redis_options(self) -> dict[str, Any]:
        prioritised = any(queue.declaration.prioritised for queue in self.queues)
        return {
            # Redis hands a message over again when it was held for so long, even by a handler that
            # is still at work: it must outlast the longest one.
            "visibility_timeout": (
                _longest_handler(self.queues) + _LONGEST_HANDLER_MARGIN
            ).total_seconds(),
            # With kombu's defaults a message of a killed worker comes back 95 seconds late.
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            # Each step is one more list to look into for every queue.
            "priority_steps": list(range(_HIGHEST_PRIORITY + 1)) if prioritised else [0],
            "socket_connect_timeout": self.patience.total_seconds() / 2,
            "socket_timeout": self.patience.total_seconds(),
            "socket_keepalive": True,
        }


def connect(connection: Connection) -> None:
    """Open it, or fail at once: kombu by itself would wait and try again."""
    connection.ensure_connection(
        max_retries=1,
        interval_start=0,
        interval_step=0,
        interval_max=0,
        reraise_as_library_errors=False,
    )


def declare(broker: Broker, queue: ChannelQueue, channel: Any) -> None:
    """Make the queue, and the one beside it, where they are not there yet."""
    for entity in broker.entities([queue]):
        entity(channel).declare()


def _on_default_exchange(name: str, arguments: Mapping[str, Any]) -> Queue:
    return Queue(
        name,
        exchange=Exchange(""),
        routing_key=name,
        durable=True,
        queue_arguments=dict(arguments),
    )


def _longest_handler(queues: Iterable[ChannelQueue]) -> timedelta:
    seconds = max((queue.declaration.time_limit_seconds for queue in queues), default=0.0)
    return timedelta(seconds=seconds)
