"""One worker process that works off a full queue, beside a bare Celery task."""

from pathlib import Path

import psycopg

from adapters.celery_channels.broker import Broker
from adapters.celery_channels.publishing import CelerySender
from adapters.serialization.envelopes import encode_delivery
from adapters.sql.migrating import migrate
from bench.lines import Line, Unit, ratio_at_least
from bench.parcels import SHELF, TEXT, a_broker, deliveries
from bench.processes import CONCURRENCY, POOL, PREFETCH, running
from bench.rounds import Effort, interleaved, wait_until
from bench.servers import postgresql_database, rabbitmq_host

_ROUNDS = 5
_MESSAGES = 2_500
_LIMIT_S = 180

_FLOOR_WORKER = (
    "-m",
    "celery",
    "--app=bench.floors.celery_task",
    "worker",
    f"--pool={POOL}",
    f"--concurrency={CONCURRENCY}",
    f"--prefetch-multiplier={PREFETCH}",
)

# Of this round only, in the database's time.
_DONE = "SELECT count(*) FROM runtime_delivery WHERE context = %s AND updated_at > %s"
# The first fifth is for warming up.
_RATE = """SELECT (count(*) - 1) / extract(epoch FROM max(updated_at) - min(updated_at)) FROM (
SELECT updated_at FROM runtime_delivery WHERE context = %s AND updated_at > %s
ORDER BY updated_at OFFSET %s) AS measured"""


def handling(effort: Effort, folder: Path) -> list[Line]:
    messages = effort.count(_MESSAGES, least=20)
    with postgresql_database() as url, rabbitmq_host() as broker_url:
        migrate("runtime", url)
        broker = a_broker("ours", broker_url)
        floor = {"FLOOR_DATABASE": url, "FLOOR_BROKER": broker_url, "FLOOR_QUEUE": "floor.notes"}
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SHELF)

            def ours(_: int) -> float:
                _fill(broker, messages)
                worker = ("-m", "bench.processes", "worker", "ours", url, broker_url, "")
                with running(*worker, log=folder / "worker.log"):
                    return _rate(connection, "ours", messages)

            def by_hand(_: int) -> float:
                fill = ("-m", "bench.floors.celery_task", "fill", str(messages), TEXT)
                with running(*fill, log=folder / "floor.log", **floor) as filling:
                    filling.wait(_LIMIT_S)
                with running(*_FLOOR_WORKER, log=folder / "floor.log", **floor):
                    return _rate(connection, "floor", messages)

            found = interleaved({"ours": ours, "floor": by_hand}, rounds=effort.count(_ROUNDS))
    return [
        Line(
            figure="handling",
            what="transactional handler with its delivery row, one worker process, RabbitMQ",
            ours=found["ours"],
            floor=found["floor"],
            unit=Unit.PER_SECOND,
            wanted=ratio_at_least(0.6),
        )
    ]


def _fill(broker: Broker, messages: int) -> None:
    sender = CelerySender(broker, encode=encode_delivery)
    sender.channel("ours.notes").publish(deliveries("ours", messages))
    sender.close()


def _rate(connection: psycopg.Connection, context: str, messages: int) -> float:
    """Messages per second, by what the worker wrote."""
    [since] = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)

    def is_done() -> bool:
        row = connection.execute(_DONE, (context, since)).fetchone()
        return row is not None and row[0] >= messages

    wait_until(is_done, limit_s=_LIMIT_S, every_s=0.1, what=f"{messages} messages of {context}")
    [rate] = connection.execute(_RATE, (context, since, messages // 5)).fetchone() or (0,)
    return float(rate)
