"""Brokers to test: connections, queues and what is waiting in them."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from kombu import Connection, Exchange, Queue

from adapters.sql_broker.channel import Channel
from adapters.sql_broker.messages import Message
from adapters.sql_broker.registration import register
from adapters.sql_broker.transport import Transport

ROOT = Path(__file__).resolve().parents[3]
_MIGRATION = ROOT / "migrations" / "versions" / "broker" / "0001_broker.py"


def migration() -> ModuleType:
    spec = importlib.util.spec_from_file_location("broker_0001", _MIGRATION)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def migrate(database_url: str) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            migration().upgrade()
    engine.dispose()


@contextmanager
def connected(url: str, **transport_options: object) -> Iterator[Connection]:
    register()
    with Connection(url, transport_options=dict(transport_options)) as connection:
        connection.connect()
        yield connection


@contextmanager
def channel_to(url: str, **transport_options: object) -> Iterator[Channel]:
    """A channel on a connection of its own."""
    with connected(url, **transport_options) as connection:
        yield open_channel(connection)


def open_channel(connection: Connection) -> Channel:
    return cast(Channel, connection.channel())


def transport_of(channel: Channel) -> Transport:
    assert channel.connection is not None
    return channel.connection


def declare(channel: Channel, name: str, **settings: Any) -> None:
    """A permanent queue, bound to a direct exchange of the same name."""
    Queue(name, Exchange(name, "direct"), routing_key=name, **settings)(channel).declare()


def publish(channel: Channel, queue: str, *bodies: str, **properties: Any) -> None:
    for body in bodies:
        channel.basic_publish(
            channel.prepare_message(
                body, content_type="text/plain", content_encoding="utf-8", properties=properties
            ),
            routing_key=queue,
        )


def get(channel: Channel, queue: str) -> Message:
    message = channel.basic_get(queue)
    assert message is not None, f"{queue} is empty"
    return message


def get_all(channel: Channel, queue: str) -> list[str]:
    """The bodies of everything that can be had now, in order of delivery; all are acknowledged."""
    bodies: list[str] = []
    while (message := channel.basic_get(queue)) is not None:
        bodies.append(str(message.payload))
        message.ack()
    return bodies


def ready(channel: Channel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).message_count)


def consumers(channel: Channel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).consumer_count)
