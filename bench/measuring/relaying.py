"""The relay with a full message table, beside a bare publisher."""

import time
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from adapters.sql.migrating import migrate
from adapters.sql.store import SqlStore
from app.composition.collecting import spare_what_stays
from bench.floors import publisher
from bench.lines import Line, Unit, ratio_at_least
from bench.parcels import TEXT, Handlers, a_broker, deliveries, runtime_with_broker
from bench.rounds import Effort, interleaved
from bench.servers import postgresql_database, rabbitmq_host

_ROUNDS = 9
_MESSAGES = 3_000
_AT_ONCE = 500  # rows to a transaction that fills the table


def relaying(effort: Effort, _folder: Path) -> list[Line]:
    messages = effort.count(_MESSAGES, least=20)
    with postgresql_database() as url, rabbitmq_host() as broker_url:
        migrate("runtime", url)
        with (
            closing(SqlStore(url, "ours")) as store,
            closing(publisher.Floor(broker_url, "floor.notes")) as floor,
        ):
            runtime = runtime_with_broker("ours", store, a_broker("ours", broker_url), [Handlers()])
            relay = runtime.relay()

            def ours(_: int) -> float:
                _fill(store, messages)
                began = time.perf_counter()
                while relay.pump():
                    pass
                return messages / (time.perf_counter() - began)

            def by_hand(_: int) -> float:
                identifiers = [str(uuid4()) for _ in range(messages)]
                began = time.perf_counter()
                floor.publish(identifiers, TEXT)
                return messages / (time.perf_counter() - began)

            ours(-1)  # connects
            spare_what_stays()  # as the relay process does
            found = interleaved({"ours": ours, "floor": by_hand}, rounds=effort.count(_ROUNDS))
            runtime.senders["ours.notes"].close()
    return [
        Line(
            figure="relay",
            what="message table to RabbitMQ, rows removed",
            ours=found["ours"],
            floor=found["floor"],
            unit=Unit.PER_SECOND,
            wanted=ratio_at_least(0.7),
        )
    ]


def _fill(store: SqlStore, messages: int) -> None:
    rows = deliveries("ours", messages)
    for start in range(0, messages, _AT_ONCE):
        unit = store.begin()
        for delivery in rows[start : start + _AT_ONCE]:
            unit.messages.add(delivery)
        unit.commit()
