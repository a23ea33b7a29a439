import psycopg
import pytest
import redis
from kombu import Connection

from tests.support.servers import (
    POSTGRES_URL,
    RabbitMq,
    fresh_postgres_database,
    fresh_redis_database,
    server_url,
)


def test_a_fresh_postgres_database_is_empty_and_gone_afterwards() -> None:
    with fresh_postgres_database() as url:
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
            ).fetchone()
        name = url.rsplit("/", 1)[1]

    with psycopg.connect(server_url(POSTGRES_URL)) as admin:
        left = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    assert tables == (0,)
    assert left is None


def test_rabbitmq_takes_and_gives_a_message(rabbitmq: RabbitMq) -> None:
    with Connection(rabbitmq.url) as connection:
        queue = connection.SimpleQueue(f"{rabbitmq.prefix}probe")
        queue.put({"probe": 1})

        message = queue.get(timeout=5)
        message.ack()
        queue.queue.delete()

    assert message.payload == {"probe": 1}


def test_two_redis_databases_at_once_are_different(
    redis_url: str, request: pytest.FixtureRequest
) -> None:
    with (
        fresh_redis_database() as other_url,
        redis.Redis.from_url(redis_url) as one,
        redis.Redis.from_url(other_url) as other,
    ):
        one.set("probe", "1")

        assert other.get("probe") is None


def test_a_missing_server_skips_on_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POSTGRES_URL, "postgresql://postgres@127.0.0.1:1/postgres")
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception), fresh_postgres_database():
        pass


def test_a_missing_server_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POSTGRES_URL, "postgresql://postgres@127.0.0.1:1/postgres")
    monkeypatch.setenv("CI", "1")

    with pytest.raises(pytest.fail.Exception), fresh_postgres_database():
        pass
