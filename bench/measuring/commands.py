"""Event-sourced commands through the whole bus, beside the same by hand."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg

from adapters.sql.migrating import migrate
from adapters.sql.store import SqlStore
from bench.floors import event_sourced_command_postgresql, event_sourced_command_sqlite
from bench.lines import Line, Unit, ratio_at_least, ratio_at_most
from bench.parcels import TEXT, mover, runtime_without_broker
from bench.rounds import Effort, interleaved, per_second
from bench.servers import postgresql_database

_ROUNDS = 9
_PER_ROUND = 200
_HISTORY = 3  # events of an instance before the measured one; each time they are loaded anew

_FEW = 1_000
_MANY = 200_000
_OLD_EVENTS = """INSERT INTO runtime_event (context, tenant, stream, aggregate, aggregate_id,
version, event_id, name, revision, content_type, payload, headers, correlation_id, source, trace,
sent_at) SELECT 'ours', '', 'parcel', 'parcel', 'old-' || number / 4, number %% 4 + 1,
'old-' || number, 'bench.parcel_was_moved', 1, 'application/json', convert_to(repeat('x', 200),
'UTF8'), '{}', 'old-' || number, 'ours', '', now() FROM generate_series(0, %s - 1) AS number"""
_OLD_DELIVERIES = """INSERT INTO runtime_delivery (context, tenant, message_id, endpoint, state,
attempt, updated_at) SELECT 'ours', '', 'old-' || number, 'bench.note', 'done', 1, now()
FROM generate_series(0, %s - 1) AS number"""


def on_postgresql(effort: Effort, _folder: Path) -> list[Line]:
    with postgresql_database() as url:
        migrate("runtime", url)
        with (
            closing(event_sourced_command_postgresql.Floor(url, TEXT)) as floor,
            closing(SqlStore(url, "ours")) as store,
        ):
            ours = mover(runtime_without_broker("ours", store))
            found = _rates({"ours": ours, "floor": floor.move}, effort)
    return [
        Line(
            figure="command",
            what="event-sourced command, PostgreSQL",
            ours=found["ours"],
            floor=found["floor"],
            unit=Unit.PER_SECOND,
            wanted=ratio_at_least(0.6),
        )
    ]


def on_sqlite(effort: Effort, folder: Path) -> list[Line]:
    file = folder / "commands.db"
    migrate("runtime", f"sqlite:///{file}")
    with (
        closing(event_sourced_command_sqlite.Floor(file, TEXT)) as floor,
        closing(SqlStore(f"sqlite:///{file}", "ours")) as store,
    ):
        ours = mover(runtime_without_broker("ours", store))
        found = _rates({"ours": ours, "floor": floor.move}, effort)
    return [
        Line(
            figure="command-sqlite",
            what="event-sourced command, SQLite",
            ours=found["ours"],
            floor=found["floor"],
            unit=Unit.PER_SECOND,
        )
    ]


def with_much_history(effort: Effort, _folder: Path) -> list[Line]:
    many = effort.count(_MANY, least=_FEW)
    with postgresql_database() as young, postgresql_database() as old:
        for url, rows in ((young, _FEW), (old, many)):
            migrate("runtime", url)
            _fill(url, rows)
        with closing(SqlStore(young, "ours")) as one, closing(SqlStore(old, "ours")) as other:
            works = {
                "young": mover(runtime_without_broker("ours", one)),
                "old": mover(runtime_without_broker("ours", other)),
            }
            found = _rates(works, effort)
    return [
        Line(
            figure="history",
            what=f"the same command after {many:,} old events and deliveries, after {_FEW:,}",
            ours=1e3 / found["old"],
            floor=1e3 / found["young"],
            unit=Unit.MILLISECONDS,
            wanted=ratio_at_most(1.3),
        )
    ]


def _rates(works: dict[str, Callable[[str], object]], effort: Effort) -> dict[str, float]:
    count = effort.count(_PER_ROUND, least=3)

    def measured(work: Callable[[str], object]) -> Callable[[int], float]:
        def measure(number: int) -> float:
            keys = [f"parcel-{number}-{one}" for one in range(count)]
            for _ in range(_HISTORY):
                per_second(work, keys)
            return per_second(work, keys)

        return measure

    rounds = effort.count(_ROUNDS)
    return interleaved({name: measured(work) for name, work in works.items()}, rounds=rounds)


def _fill(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_OLD_EVENTS, (rows,))
        connection.execute(_OLD_DELIVERIES, (rows,))
        connection.execute("VACUUM ANALYZE")
