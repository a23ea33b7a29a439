from typing import Any

import pytest

from adapters.celery_channels.application import create_celery
from adapters.celery_channels.broker import Broker, BrokerKind, ChannelQueue
from ports.outbound.channels import ChannelDeclaration

PLAIN = ChannelQueue(context="post", declaration=ChannelDeclaration(name="parcels"))
URGENT = ChannelQueue(
    context="post",
    declaration=ChannelDeclaration(name="letters", prioritised=True, time_limit_seconds=600),
)

RABBITMQ = "amqp://ada:sesame@mq.example.org//"
REDIS = "redis://:sesame@redis.example.org/1"
SECURE_REDIS = "rediss://:sesame@redis.example.org/1"
SQL = "sqlbroker+sqlite:///tmp/broker.db"


def on(url: str, *queues: ChannelQueue) -> Broker:
    return Broker(url=url, queues=queues or (PLAIN, URGENT))


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (RABBITMQ, BrokerKind.RABBITMQ),
        ("amqps://mq.example.org//", BrokerKind.RABBITMQ),
        (REDIS, BrokerKind.REDIS),
        (SECURE_REDIS, BrokerKind.REDIS),
        (SQL, BrokerKind.SQL),
        ("sqlbroker+postgresql://db.example.org/broker", BrokerKind.SQL),
    ],
)
def test_the_scheme_tells_the_kind_of_broker(url: str, kind: BrokerKind) -> None:
    assert on(url).kind is kind


def test_a_scheme_that_loses_messages_is_refused() -> None:
    with pytest.raises(ValueError, match="no channel can live on a broker of scheme 'memory'"):
        BrokerKind.of("memory://")


def test_the_password_does_not_show() -> None:
    assert "sesame" not in repr(on(RABBITMQ))


def test_rabbitmq_replicates_what_has_no_priorities_and_puts_aside_without_loss() -> None:
    queues = {entity.name: entity for entity in on(RABBITMQ).entities()}

    assert list(queues) == [
        "post.parcels.rejected",
        "post.parcels",
        "post.letters.rejected",
        "post.letters",
    ]
    plain: dict[str, Any] = queues["post.parcels"].queue_arguments or {}
    urgent: dict[str, Any] = queues["post.letters"].queue_arguments or {}
    assert plain["x-queue-type"] == "quorum"
    assert plain["x-dead-letter-strategy"] == "at-least-once"
    assert plain["x-dead-letter-routing-key"] == "post.parcels.rejected"
    assert urgent["x-queue-type"] == "classic"
    assert urgent["x-max-priority"] == 9
    assert all(entity.durable for entity in queues.values())


@pytest.mark.parametrize("url", [REDIS, SQL])
def test_other_brokers_put_nothing_aside(url: str) -> None:
    assert [entity.name for entity in on(url).entities()] == ["post.parcels", "post.letters"]


@pytest.mark.parametrize(("url", "nine", "zero"), [(RABBITMQ, 9, 0), (REDIS, 0, 9), (SQL, 9, 0)])
def test_nine_is_what_the_broker_serves_first(url: str, nine: int, zero: int) -> None:
    broker = on(url)

    assert broker.priority(URGENT, 9) == nine
    assert broker.priority(URGENT, 0) == zero
    assert broker.priority(URGENT, 99) == nine
    assert broker.priority(PLAIN, 9) == 0


def test_redis_hands_nothing_over_again_while_the_longest_handler_may_still_run() -> None:
    assert on(REDIS).transport_options["visibility_timeout"] > 600


def test_redis_looks_into_one_list_for_each_queue_unless_priorities_are_wanted() -> None:
    assert on(REDIS, PLAIN).transport_options["priority_steps"] == [0]
    assert on(REDIS, URGENT).transport_options["priority_steps"] == list(range(10))


def test_the_certificate_of_a_secure_redis_is_checked_unless_said_otherwise() -> None:
    lax = f"{SECURE_REDIS}?ssl_cert_reqs=none"

    assert on(SECURE_REDIS).secured_url.endswith("?ssl_cert_reqs=required")
    assert on(lax).secured_url == lax


def test_workers_read_redis_over_the_transport_that_survives_garbage() -> None:
    assert on(REDIS).read_url == "readableredis://:sesame@redis.example.org/1"
    assert on(RABBITMQ).read_url == RABBITMQ


def test_options_given_win_over_those_chosen() -> None:
    broker = Broker(url=REDIS, queues=(PLAIN,), options={"visibility_timeout": 7})

    assert broker.transport_options["visibility_timeout"] == 7


def test_a_queue_is_found_by_its_name_and_by_the_one_beside_it() -> None:
    broker = on(RABBITMQ)

    assert broker.queue_named("post.letters.rejected") is URGENT
    assert broker.queue_named("post.parcels") is PLAIN
    assert broker.queue_named("celery") is None


def test_the_application_consumes_its_own_queues_and_makes_no_others() -> None:
    application = create_celery(on(RABBITMQ))

    assert set(application.amqp.queues) == {
        "post.parcels",
        "post.parcels.rejected",
        "post.letters",
        "post.letters.rejected",
        "maintenance",
    }
    assert {queue.exchange.name for queue in application.amqp.queues.values()} == {""}
    with pytest.raises(KeyError):
        application.amqp.queues["typo"]
